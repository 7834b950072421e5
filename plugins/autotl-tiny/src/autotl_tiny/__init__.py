"""Parts that take a CPU second: a backbone, a head, an augmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autotl

if TYPE_CHECKING:
    import keras


class Tiny(autotl.Backbone):
    """Three convolutions whose weights come from a fixed seed: random features, the same everywhere."""

    name = "tiny"
    image_size = 32
    min_size = 16
    weights = "built-in"
    parameters = 3_712

    def build(self, image_size: int, *, weights: str = "built-in") -> keras.Model:
        """Return the network with its "built-in" weights, "random" ones, or those of a file."""
        import keras
        from keras import layers

        image = keras.Input((image_size, image_size, 3))
        x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
        for number, filters in enumerate((8, 16, 16)):
            seed = 100 + number if weights == self.weights else None
            start = keras.initializers.HeNormal(seed=seed)
            x = layers.Conv2D(filters, 3, strides=2, padding="same", kernel_initializer=start)(x)
            x = layers.ReLU()(x)
        model = keras.Model(image, x, name="tiny")
        if weights not in (self.weights, "random"):
            _load(model, Path(weights))
        return model


class TinyHead(autotl.Head):
    """Average pool and one linear layer."""

    name = "tiny_head"
    space = {"dropout": autotl.Float(0.0, 0.5, default=0.1)}

    def build(self, classes: int, *, dropout: float) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        pool, drop, linear = layers.GlobalAveragePooling2D(), layers.Dropout(dropout), layers.Dense(classes)
        return lambda feature_map: linear(drop(pool(feature_map)))


class TinyShift(autotl.Augmentation):
    """Moves pictures by up to a tenth of their side, or a fifth."""

    name = "tiny_shift"
    space = {"strength": autotl.Choice("light", "strong")}

    def build(self, *, strength: str) -> Callable[..., Any]:
        """Return the augmentation."""
        from keras import layers

        by = {"light": 0.1, "strong": 0.2}[strength]
        return layers.RandomTranslation(by, by, fill_mode="nearest")


def _load(model: keras.Model, file: Path) -> None:
    if not file.is_file():
        raise autotl.WeightsError(f"There is no weights file {file} for the backbone 'tiny'.")
    model.load_weights(file)


@autotl.hookimpl
def backbones() -> Iterable[autotl.Backbone]:
    """Offer `tiny`."""
    return [Tiny()]


@autotl.hookimpl
def heads() -> Iterable[autotl.Head]:
    """Offer `tiny_head`."""
    return [TinyHead()]


@autotl.hookimpl
def augmentations() -> Iterable[autotl.Augmentation]:
    """Offer `tiny_shift`."""
    return [TinyShift()]
