"""How much faster is a list of candidates through the feature store than the plain Keras way?

The same 12 candidates (MobileNetV2 with a dense head: four frozen ones, eight with 5 to 82 unfrozen layers) are trained

  (a) the plain way: the whole network in every trial, decoded pictures cached in memory, `jit_compile=False`;
  (b) through autotl's feature store, in one warm process that starts with an empty store.

Both sides have the same pictures, epochs, batch size, rates and schedule, and the same process settings; in both, the
head trains alone in the first epoch. (b)'s time includes filling the store. No trial stops early. The last column is
the limit: the seconds of (b)'s arithmetic alone, that is its compiled steps and forward passes when they are warm,
and one forward pass over all pictures. Run:

    python examples/benchmarks/search_speed.py DATA [--epochs 8] [--size 160] [--copies 1] [--unfrozen 0 29 …]

DATA is a folder of labelled pictures with MobileNetV2 weights at hand (online, or KERAS_HOME). `--copies 4` takes each
picture four times, each a little darker, to show how the ratio grows with the pictures. It prints a table of seconds
and validation accuracies, and the ratios in all and for frozen candidates alone.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as autotl's workers have it: the plain way gains from it, too

UNFROZEN = (0, 0, 0, 0, 5, 11, 20, 29, 38, 47, 64, 82)
RATES = (1e-3, 3e-4, 3e-3, 1e-2)
HEADS = (256, 128, 512, 64)
WEIGHT_DECAY = 1e-4


@dataclass
class Measured:
    """One candidate, both ways: seconds and best validation accuracy, and the seconds of the arithmetic alone."""

    unfrozen: int
    seconds: dict[str, float]
    accuracy: dict[str, float]
    limit: float = 0.0


def candidates(epochs: int, size: int, depths: tuple[int, ...] = UNFROZEN):
    """Return the 12 candidates, or others: four frozen ones with different heads and rates, eight deeper ones."""
    from autotl.candidate import Candidate

    for place, unfrozen in enumerate(depths):
        values = {
            "head.dense.units": HEADS[place % 4],
            "head.dense.dropout": 0.2,
            "head.dense.pooling": "average",
            "learning_rate": RATES[place % 4] if unfrozen == 0 else 1e-3,
            "batch_size": 32,
            "weight_decay": WEIGHT_DECAY,
            "patience": epochs,
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


def copied(data: str, copies: int, folder: Path) -> str:
    """Return DATA, or a folder with `copies` of each of its pictures that differ in brightness by a few levels."""
    if copies == 1:
        return data
    from PIL import Image

    for source in sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")):
        picture = Image.open(source).convert("RGB")
        for number in range(copies):
            target = folder / source.relative_to(data).with_suffix(f".{number}.png")
            target.parent.mkdir(parents=True, exist_ok=True)
            picture.point(lambda level, less=number: max(level - less, 0)).save(target, compress_level=1)
    return str(folder)


def warm_up() -> None:
    """Trace and run something small: what a backend loads for its very first step belongs to neither way."""
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adamw", "mse", jit_compile=False)
    model.fit(np.zeros((8, 4)), np.zeros((8, 2)), verbose=0)
    model.predict_on_batch(np.zeros((8, 4)))


def through_the_store(bench, candidate) -> float:
    """Train a candidate as a search does; return its best validation accuracy."""
    from autotl.trial import Trial

    return Trial(bench, candidate).train(lambda row: True).score


def arithmetic(bench, candidate) -> float:
    """Return the seconds of a candidate's steps and validation passes, from the medians of warm ones."""
    from autotl.trial import Trial

    trial = Trial(bench, candidate)
    seconds = 0.0
    for phase in trial.phases:
        rows, model = phase.rows, phase.fit.trainee.model
        chosen = next(rows.batches(1, phase.size, 1))
        batch, targets = rows.batch(chosen, 1), trial._targets(rows.labels[chosen])
        step = _median(lambda model=model, batch=batch, targets=targets: model.train_on_batch(batch, targets))
        valid = _median(lambda rows=rows, model=model: rows.logits(model), 3)
        seconds += (phase.last - phase.first + 1) * (phase.steps * step + valid)
    return seconds


def _median(function, count: int = 9) -> float:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def plainly(bench, candidate, pixels) -> float:
    """Train a candidate as a script would: build, freeze, compile, fit the whole network on cached pixels."""
    import keras
    import numpy as np

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
    batches = len(train) // 32
    slow = {id(variable) for variable in base.trainable_variables}
    alone = 1 if slow else 0  # the head's first epoch

    class TwoRates(keras.optimizers.AdamW):
        """AdamW with a slower rate for the backbone."""

        def __init__(self):
            super().__init__(learning_rate=1e-3, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0)
            self.slow_rate = keras.Variable(1.0, trainable=False, name="slow_rate")

        def update_step(self, gradient, variable, learning_rate):
            scale = self.slow_rate if id(variable) in slow else 1.0
            super().update_step(gradient, variable, learning_rate * scale)

    class Schedule(keras.callbacks.Callback):
        """The rates of the other side: a ramp and a cosine, for the head alone and then for both."""

        def __init__(self):
            super().__init__()
            self.done = 0

        def on_train_batch_begin(self, batch, logs=None):
            first = self.done < alone * batches
            span = alone * batches if first else (candidate.epochs - alone) * batches
            place = self.done if first else self.done - alone * batches
            self.model.optimizer.learning_rate = candidate.number("learning_rate") * rate(place / span)
            if slow:
                self.model.optimizer.slow_rate.assign(0.0 if first else candidate.number("unfrozen_rate"))
            self.done += 1

    optimizer = TwoRates()
    optimizer.exclude_from_weight_decay(var_list=list(base.trainable_variables))
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    kept = batches * 32
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


def measure(data: str, epochs: int, size: int, depths: tuple[int, ...]) -> tuple[list[Measured], dict[str, float]]:
    """Return both ways' figures for each candidate, and the seconds of what they share and of one forward pass."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        bench = workshop(data, Path(folder))
        began = time.perf_counter()
        network = bench.network("mobilenet_v2", size)
        warm_up()
        pixels = np.asarray(bench.features.pixels(size))
        once = {"shared": time.perf_counter() - began}
        rows = []
        for candidate in candidates(epochs, size, depths):
            row = Measured(candidate.unfrozen_layers, {}, {})
            for way, train in (
                ("store", lambda c: through_the_store(bench, c)),
                ("plain", lambda c: plainly(bench, c, pixels)),
            ):
                began = time.perf_counter()
                row.accuracy[way] = train(candidate)
                row.seconds[way] = time.perf_counter() - began
                gc.collect()
            row.limit = arithmetic(bench, candidate)
            rows.append(row)
            print(
                f"{row.unfrozen:9d}  {row.seconds['plain']:9.1f}  {row.seconds['store']:9.1f}"
                f"  {row.seconds['plain'] / row.seconds['store']:6.1f}"
                f"  {row.accuracy['plain']:9.3f}  {row.accuracy['store']:9.3f}  {row.limit:8.1f}",
                flush=True,
            )
        once["pass"] = network.pace * len(pixels)
        return rows, once


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--unfrozen", type=int, nargs="+", default=UNFROZEN, metavar="N", help="one for each candidate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = copied(options.data, options.copies, Path(folder))
        print(" unfrozen    plain s    store s   ratio  plain acc  store acc   limit s")
        rows, once = measure(data, options.epochs, options.size, tuple(options.unfrozen))
    print(f"\ndecoding, building and a first small step, not counted on either side: {once['shared']:.1f} s")
    print(f"one forward pass over all pictures, part of each limit: {once['pass']:.1f} s")
    for name, some in ((f"all {len(rows)}", rows), ("frozen", [row for row in rows if row.unfrozen == 0])):
        if not some:
            continue
        plain, store = (sum(row.seconds[way] for row in some) for way in ("plain", "store"))
        limit = once["pass"] + sum(row.limit for row in some)
        accuracies = [sum(row.accuracy[way] for row in some) / len(some) for way in ("plain", "store")]
        print(
            f"{name}: plain {plain:.1f} s, store {store:.1f} s, ratio {plain / store:.1f}; limit {limit:.1f} s: "
            f"ratio {plain / limit:.1f}, store at {store / limit:.2f} of it; "
            f"mean accuracy plain {accuracies[0]:.3f}, store {accuracies[1]:.3f}"
        )


if __name__ == "__main__":
    main()
