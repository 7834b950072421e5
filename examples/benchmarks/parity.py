"""Every export format beside Keras, on several networks: how far each strays, how large and how fast it is.

    python examples/benchmarks/parity.py data/flowers
    python examples/benchmarks/parity.py data/flowers --backbone mobilenet_v2 vgg16=random --image-size 96

Each network becomes a head on its frozen features by one short search; then every format that is installed is written
in every precision it offers, reloaded in its own runtime and compared on the validation pictures of that search. What
strays too far is written as well, and marked. Formats beyond the built-in ones come with the packages in plugins/.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

NETWORKS = ("mobilenet_v2", "efficientnet_v2_b0=random", "convnext_tiny=random", "vgg16=random")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of labelled pictures, or a CSV")
    parser.add_argument(
        "--backbone", nargs="+", default=list(NETWORKS), metavar="NAME[=random]", help="networks to try"
    )
    parser.add_argument("--format", nargs="+", default=[], help="formats; by default all that are installed")
    parser.add_argument("--image-size", type=int, default=64, help="side of the pictures in pixels")
    parser.add_argument("--out", type=Path, help="folder for runs and exports, kept; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        for told in options.backbone:
            name, _, weights = told.partition("=")
            compare(options.data, name, weights, options.image_size, options.format, options.out or Path(room))


def compare(data: Path, backbone: str, weights: str, size: int, formats: list[str], place: Path) -> None:
    """Print the table of one network."""
    import autotl
    from autotl.export import exports, planned
    from autotl.plugins import catalogue
    from autotl.quiet import quiet
    from autotl.report import terminal
    from autotl.report.exports import exports as table

    pins = {"unfrozen_layers": 0, "head": "linear"}
    run = autotl.search(
        data,
        out=place / backbone,
        backbones=(backbone,),
        weights={backbone: weights} if weights else {},
        image_size=size,
        augmentations=("none",),
        pins=pins,
        trials=1,
        epochs=5,
        probe=False,
        confirm=0,
    ).run
    found = catalogue()
    chosen = formats or found.names("exporter")
    precisions = sorted({each for name in chosen for each in found.exporter(name).precisions})
    with quiet():
        made = list(exports(run, planned(run, f"{place / backbone}-exports/", chosen, precisions), force=True))
    print(f"\n{backbone}, {weights or 'pretrained'} weights, {size} px", flush=True)
    terminal().print(table(made))


if __name__ == "__main__":
    main()
