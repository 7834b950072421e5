"""What are a backbone's features worth, frozen and fine-tuned, beside others and beside none?

    python examples/benchmarks/backbones.py DATA… --backbone acorn acorn=random mobilenet_v2_0.35 [--time 2m]

For each folder of labelled pictures: the accuracy of a linear layer on frozen features, cross-validated over all
pictures, and the accuracy on held-out pictures after a search of `--time` with that backbone alone. A backbone is a
name or a `.keras` file, with `=random` for the same network with random weights. `pixels` is logistic regression on
the raw pictures. Every backbone sees pictures of `--size` pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PIXELS = "pixels"


def searched(data: str, backbone: str, weights: str, options: argparse.Namespace) -> float:
    """Return the held-out accuracy of a search with one backbone."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        name = Path(backbone).stem if backbone.endswith(".keras") else backbone
        command = [
            *(sys.executable, "-m", "autotl", "search", data, "--out", run, "--time", options.time, "--quiet"),
            *("--backbone", backbone, "--image-size", options.size, "--seed", options.seed),
            *(("--weights", f"{name}={weights}") if weights else ()),
        ]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        metrics = json.loads((run / "best" / "metrics.json").read_text("utf-8"))
    return float(metrics["test"]["accuracy"])


def probed(data: str, backbone: str, weights: str, options: argparse.Namespace) -> float:
    """Return the cross-validated accuracy of a linear layer on frozen features, or on pixels."""
    from autotl.builtin.saved import SavedBackbone
    from autotl.data import load
    from autotl.plugins import catalogue
    from autotl.pretrain import yardstick

    dataset = load(data, test_split=0, seed=options.seed)
    if backbone == PIXELS:
        return yardstick.of_pixels(dataset, options.seed)
    part = SavedBackbone(backbone) if backbone.endswith(".keras") else catalogue().backbone(backbone)
    return yardstick.probed(part, options.size, dataset, weights=weights, seed=options.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--backbone", nargs="+", required=True, metavar="NAME[=WEIGHTS]")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--time", default="2m", help="of each search; 0 for none")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = [Path(data).name for data in options.data]
    print("| backbone |" + "".join(f" {name} probe | tuned |" for name in names) + " mean probe | tuned |")
    print("|---|" + "---|" * (2 * len(names) + 2))
    for entry in [PIXELS, *options.backbone]:
        backbone, _, weights = entry.partition("=")
        row = []
        for data in options.data:
            tuned = backbone != PIXELS and options.time != "0"
            row.append(
                (
                    probed(data, backbone, weights, options),
                    searched(data, backbone, weights, options) if tuned else float("nan"),
                )
            )
        row.append((fmean(probe for probe, _ in row), fmean(tuned for _, tuned in row)))
        cells = "".join(f" {probe:.3f} | {'' if tuned != tuned else f'{tuned:.3f}'} |" for probe, tuned in row)
        print(f"| {entry} |{cells}", flush=True)


if __name__ == "__main__":
    main()
