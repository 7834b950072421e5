"""How much faster is a list of candidates through the feature store than the plain Keras way?

The same 12 candidates (MobileNetV2 with a dense head: four frozen ones, eight with 5 to 82 unfrozen layers) are trained

  (a) the plain way: the whole network in every trial, decoded pictures cached in memory, `jit_compile=False`;
  (b) through autotl's feature store, in one warm process that starts with an empty store.

Both sides use the same batches, optimiser, schedule and pictures; (b)'s time includes filling the store. Run:

    python examples/benchmarks/search_speed.py DATA [--epochs 8] [--size 160]

DATA is a folder of labelled pictures with MobileNetV2 weights at hand (online, or KERAS_HOME). It prints a table
of seconds and validation accuracies, and the ratios in all and for frozen candidates alone.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

UNFROZEN = (0, 0, 0, 0, 5, 11, 20, 29, 38, 47, 64, 82)
RATES = (1e-3, 3e-4, 3e-3, 1e-2)
HEADS = (256, 128, 512, 64)


@dataclass
class Measured:
    """One candidate, both ways: seconds and best validation accuracy."""

    unfrozen: int
    seconds: dict[str, float]
    accuracy: dict[str, float]


def candidates(epochs: int, size: int):
    """Return the 12 candidates: four frozen ones with different heads and rates, eight deeper ones."""
    from autotl.candidate import Candidate

    for place, unfrozen in enumerate(UNFROZEN):
        values = {
            "head.dense.units": HEADS[place % 4],
            "head.dense.dropout": 0.2,
            "head.dense.pooling": "average",
            "learning_rate": RATES[place % 4] if unfrozen == 0 else 1e-3,
            "batch_size": 32,
        }
        if unfrozen:
            values["unfrozen_rate"] = 0.1
        yield Candidate("mobilenet_v2", "dense", "none", size, unfrozen, epochs, values)


def workshop(data: str, store: Path):
    """Return an autotl workshop on DATA with an empty store."""
    from autotl.config import make
    from autotl.data import load
    from autotl.plugins import catalogue
    from autotl.transfer.store import FeatureStore
    from autotl.transfer.workshop import Workshop

    config = make(data=data, out="unused")
    dataset = load(data, test_split=0)
    return Workshop(config, dataset, catalogue(), FeatureStore(store, 20 * 10**9), lambda what, done, total: None)


def through_the_store(bench, candidate) -> float:
    """Train a candidate as a search does; return its best validation accuracy."""
    from autotl.trial import train

    return train(bench, candidate, lambda row: True).score


def plainly(bench, candidate, pixels) -> float:
    """Train a candidate as a script would: build, freeze, compile, fit the whole network on cached pixels."""
    import keras
    import numpy as np

    from autotl.transfer.optimizer import two_rates

    WEIGHT_DECAY = 1e-4
    from autotl.trial import rate

    features = bench.features
    train, valid = features.rows("train"), features.rows("valid")
    keras.utils.set_random_seed(bench.config.seed)
    pictures = keras.Input((candidate.image_size, candidate.image_size, 3))
    base = keras.applications.MobileNetV2(
        input_shape=(candidate.image_size, candidate.image_size, 3),
        include_top=False,
        weights=None,
    )
    base.set_weights(bench.network("mobilenet_v2", candidate.image_size).first_weights)
    base.trainable = True
    for layer in base.layers[: len(base.layers) - candidate.unfrozen_layers]:
        layer.trainable = False
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    x = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(pictures))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(candidate.values["head.dense.units"], activation="relu")(x)
    x = keras.layers.Dropout(candidate.values["head.dense.dropout"])(x)
    model = keras.Model(pictures, keras.layers.Dense(len(bench.dataset.classes))(x))
    steps = len(train) // 32 * candidate.epochs
    slow = base.trainable_variables

    class Schedule(keras.callbacks.Callback):
        """The rates of the other side: a ramp and a cosine, slower for the backbone, which waits for an epoch."""

        def __init__(self):
            super().__init__()
            self.done = 0

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = candidate.number("learning_rate") * rate(self.done / steps)
            waits = self.done < len(train) // 32
            if slow:
                self.model.optimizer.slow_rate.assign(0.0 if waits else candidate.number("unfrozen_rate"))
            self.done += 1

    model.compile(
        optimizer=two_rates(slow, weight_decay=WEIGHT_DECAY, accumulate=1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    kept = len(train) // 32 * 32
    order = np.random.default_rng(0).permutation(train)[:kept]
    history = model.fit(
        pixels[order],
        features.labels[order],
        batch_size=32,
        epochs=candidate.epochs,
        validation_data=(pixels[valid], features.labels[valid]),
        callbacks=[Schedule()],
        verbose=0,
    )
    return max(history.history["val_accuracy"])


def measure(data: str, epochs: int, size: int) -> tuple[list[Measured], float]:
    """Return both ways' figures for each candidate, and the seconds that decoding took (paid by each side)."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        bench = workshop(data, Path(folder))
        began = time.perf_counter()
        bench.network("mobilenet_v2", size)
        pixels = np.asarray(bench.features.pixels(size))
        shared = time.perf_counter() - began
        rows = []
        for candidate in candidates(epochs, size):
            row = Measured(candidate.unfrozen_layers, {}, {})
            for way, train in (
                ("store", lambda c: through_the_store(bench, c)),
                ("plain", lambda c: plainly(bench, c, pixels)),
            ):
                began = time.perf_counter()
                row.accuracy[way] = train(candidate)
                row.seconds[way] = time.perf_counter() - began
                gc.collect()
            rows.append(row)
            print(
                f"{row.unfrozen:9d}  {row.seconds['plain']:9.1f}  {row.seconds['store']:9.1f}"
                f"  {row.seconds['plain'] / row.seconds['store']:6.1f}"
                f"  {row.accuracy['plain']:9.3f}  {row.accuracy['store']:9.3f}",
                flush=True,
            )
        return rows, shared


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--size", type=int, default=160)
    options = parser.parse_args()
    print(" unfrozen    plain s    store s   ratio  plain acc  store acc")
    rows, shared = measure(options.data, options.epochs, options.size)
    print(f"\ndecoding and building once, not counted on either side: {shared:.1f} s")
    for name, some in (("all 12", rows), ("frozen", [row for row in rows if row.unfrozen == 0])):
        plain, store = (sum(row.seconds[way] for row in some) for way in ("plain", "store"))
        accuracies = [sum(row.accuracy[way] for row in some) / len(some) for way in ("plain", "store")]
        print(
            f"{name}: plain {plain:.1f} s, store {store:.1f} s, ratio {plain / store:.1f}; "
            f"mean accuracy plain {accuracies[0]:.3f}, store {accuracies[1]:.3f}"
        )


if __name__ == "__main__":
    main()
