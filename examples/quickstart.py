"""A search from Python, on the handwritten digits of `autotl sample`.

    python examples/quickstart.py [DATA] [--time 1m]

It does what `autotl search data/digits --time 1m` does, and then uses what came out: scores, labels, a saved model.
Without DATA it writes the sample to data/digits first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import autotl
from autotl.data.sample import digits
from autotl.events import BackboneResolved, Event, Note, TrialEnded


def tell(event: Event) -> None:
    """Print a line when something has been decided; a search without a watcher is silent."""
    match event:
        case BackboneResolved(backbone=name, problem=problem):
            print(f"backbone {name}: {problem or 'ready'}", flush=True)
        case TrialEnded(record=record):
            print(f"trial {record.number}: {record.state}, score {record.score}", flush=True)
        case Note(text=text):
            print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="data/digits")
    parser.add_argument("--out", help="run folder; by default one named after the data, in runs/")
    parser.add_argument("--time", default="1m")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--backbone", action="append", default=[], help="only this backbone; repeatable")
    options = parser.parse_args()
    if options.data == "data/digits":
        digits(Path(options.data))

    result = autotl.search(
        options.data,
        out=options.out,
        time=options.time,
        trials=options.trials,
        epochs=options.epochs,
        backbones=tuple(options.backbone),
        watcher=tell,
    )

    print(f"\nbest of {len(result.leaderboard)} trials: {result.best.candidate}")
    metrics = result.metrics
    print(f"validation accuracy {metrics['valid']['accuracy']:.3f}")
    if metrics["test"]:
        low, high = metrics["test"]["interval"]
        print(f"test accuracy {metrics['test']['accuracy']:.3f} (95% interval {low:.3f} to {high:.3f})")

    unseen = [picture.path for picture in result.dataset.pictures if picture.split == "test"]
    for prediction in result.predict(unseen[:3]):
        print(f"{prediction.path}: {prediction.label} ({prediction.confidence:.0%})")

    model = result.model()  # a keras.Model: pixels 0 to 255 in, probabilities out
    print(f"the model takes {model.input_shape} and gives {model.output_shape}; it lies in {result.folder.model}")


if __name__ == "__main__":
    main()
