"""What the suites try parts on, and how they say what they demand: small models, pictures, features, values."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.parts import Exporter, Head, Part
from autotl.space import Choice, Value

Array = NDArray[np.float32]
CLASSES = 3
NAMES = ["ant", "bee", "größe ✓"]


@contextlib.contextmanager
def written(part: Exporter, model: Any, precision: str = "", times: int = 1) -> Iterator[Path]:
    """Write a model in a precision, by default the usual one, and give the path while it is there."""
    pictures = some_pictures(32).astype(np.uint8)
    options = part.options(precision or next(iter(part.precisions)), pictures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"half written{part.suffix}"
        for _ in range(times):
            made = part.write(model, path, classes=NAMES, **options)
        demand(made == path and path.exists(), f"It wrote {made}, expected {path}.")
        yield path


def demand(holds: bool, message: str) -> None:
    """Raise AssertionError with a message; also under `python -O`."""
    if not holds:
        raise AssertionError(message)


def same(found: Array, wanted: Array, what: str, within: float = 1e-5) -> None:
    """Demand that two arrays agree, relative to the largest number."""
    demand(found.shape == wanted.shape, f"{what} has the shape {found.shape}, expected {wanted.shape}.")
    gap = float(np.abs(found - wanted).max())
    demand(gap <= within * float(np.abs(wanted).max()), f"{what} differs by up to {gap:g}.")


def first_values(part: Part) -> dict[str, Value]:
    """Return the default of every dimension."""
    return {name: dimension.first() for name, dimension in part.space.items()}


def options(part: Part) -> list[dict[str, Value]]:
    """Return the defaults, and the defaults with each other option of each Choice."""
    values = [first_values(part)]
    for name, dimension in part.space.items():
        if isinstance(dimension, Choice):
            values += [{**values[0], name: option} for option in dimension.options[1:]]
    return values


def some_pictures(size: int) -> Array:
    """Return three pictures of a size: noise, a ramp and black."""
    noise = np.random.default_rng(0).uniform(0, 255, (size, size, 3))
    ramp = np.broadcast_to(np.linspace(0, 255, size)[:, None, None], noise.shape)
    return np.stack([noise, ramp, np.zeros_like(noise)]).astype(np.float32)


def some_features(shape: tuple[int, int, int]) -> Array:
    """Return six random feature maps."""
    return np.random.default_rng(1).normal(size=(6, *shape)).astype(np.float32)


def assembled(part: Head, shape: tuple[int, int, int], values: dict[str, Value] | None = None) -> Any:
    """Return a model of a head alone, always with the same weights."""
    import keras

    keras.utils.set_random_seed(7)
    features = keras.Input(shape)
    return keras.Model(features, part.build(CLASSES, **(first_values(part) if values is None else values))(features))


def small_model() -> Any:
    """Return a model from pixels to probabilities, as exporters get them."""
    import keras

    keras.utils.set_random_seed(7)
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, strides=2)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(image, keras.layers.Dense(CLASSES, activation="softmax")(x))


def reloaded(model: Any) -> Any:
    """Return the model after a trip through a `.keras` file."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return keras.models.load_model(file, compile=False, safe_mode=True)


def inference(model: Any, batch: Array) -> Array:
    """Return what a model gives at inference."""
    return numbers(model(batch, training=False))


def numbers(tensor: Any) -> Array:
    """Return a tensor of any backend as an array."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(tensor))
