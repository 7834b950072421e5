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
from dataclasses import replace
from pathlib import Path
from statistics import fmean

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PIXELS = "pixels"


def searched(data: str, backbone: str, weights: str, options: argparse.Namespace) -> float:
    """Return the held-out accuracy of a search with one backbone."""
    from autotl.data import load

    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        name = Path(backbone).stem if backbone.endswith(".keras") else backbone
        command = [
            *(sys.executable, "-m", "autotl", "search", data, "--out", run, "--time", options.time, "--quiet"),
            *("--backbone", backbone, "--image-size", options.size, "--seed", options.seed),
            *(("--weights", f"{name}={weights}") if weights else ()),
            *(() if load(data).indices("test") else ("--test-split", 0.25)),  # some data come without a test part
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
    parser.add_argument("--card", type=Path, metavar="FILE.keras", help="write the table into this backbone's card")
    options = parser.parse_args()
    rows = []
    for entry in [PIXELS, *options.backbone]:
        rows.append(measured(entry, options))
        cells = [f"{value:.3f}" if isinstance(value, float) else value for value in rows[-1].values()]
        if len(rows) == 1:
            print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
        print("| " + " | ".join(cells) + " |", flush=True)
    if options.card:
        written(options.card, rows, options)


def measured(entry: str, options: argparse.Namespace) -> dict[str, str | float]:
    """Return the row of a backbone: of each data set the accuracy frozen and tuned, and the means of both."""
    backbone, _, weights = entry.partition("=")
    name = Path(backbone).stem if backbone.endswith(".keras") else backbone
    row: dict[str, str | float] = {"backbone": f"{name}, {weights} weights" if weights else name}
    tunes = backbone != PIXELS and options.time != "0"
    for data in options.data:
        name = Path(data).name
        row[f"{name} probe"] = probed(data, backbone, weights, options)
        row[f"{name} tuned"] = searched(data, backbone, weights, options) if tunes else "-"
    for kind in ("probe", "tuned"):
        values = [value for name, value in row.items() if name.endswith(kind) and isinstance(value, float)]
        row[f"mean {kind}"] = fmean(values) if values else "-"
    return row


def written(model: Path, rows: list[dict[str, str | float]], options: argparse.Namespace) -> None:
    """Put the rows into a model card."""
    from autotl.pretrain.card import read_card, write_card

    card = read_card(model)
    if card is None:
        raise SystemExit(f"There is no card beside {model}.")
    how = (
        f"Beside others, with pictures of {options.size} pixels (`examples/benchmarks/backbones.py`): the accuracy of "
        f"a linear layer on frozen features, cross-validated, and of a search of {options.time} on held-out pictures."
    )
    write_card(replace(card, beside=rows, beside_how=how), model)


if __name__ == "__main__":
    main()
