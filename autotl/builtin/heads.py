"""The heads: from a single linear layer to the two wide layers of the classic articles. Logits out, no softmax."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import autotl

POOLING = autotl.Choice("average", "max", "gem")
_GEM_POWER = 3.0  # the start value of Radenović et al. 2018, https://arxiv.org/abs/1711.02512


class Linear(autotl.Head):
    """Pool, dropout, one linear layer."""

    name = "linear"
    space = {"pooling": POOLING, "dropout": autotl.Float(0.0, 0.5, default=0.2)}

    def build(self, classes: int, *, pooling: str, dropout: float) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        return _chain(pool(pooling), layers.Dropout(dropout), layers.Dense(classes))


class Dense(autotl.Head):
    """Pool, one hidden layer, dropout, a linear layer."""

    name = "dense"
    space = {
        "pooling": POOLING,
        "units": autotl.Int(32, 1024, log=True, default=256),
        "dropout": autotl.Float(0.0, 0.6, default=0.3),
    }

    def build(self, classes: int, *, pooling: str, units: int, dropout: float) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        hidden = layers.Dense(units, activation="relu")
        return _chain(pool(pooling), hidden, layers.Dropout(dropout), layers.Dense(classes))


class TwoDense(autotl.Head):
    """Pool, two hidden layers, each with dropout, a linear layer."""

    name = "two_dense"
    space = {
        "pooling": POOLING,
        "units": autotl.Int(64, 2048, log=True, default=512),
        "second_units": autotl.Int(32, 1024, log=True, default=256),
        "dropout": autotl.Float(0.0, 0.6, default=0.3),
    }

    def build(
        self, classes: int, *, pooling: str, units: int, second_units: int, dropout: float
    ) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        hidden = [layers.Dense(size, activation="relu") for size in (units, second_units)]
        drops = [layers.Dropout(dropout), layers.Dropout(dropout)]
        return _chain(pool(pooling), hidden[0], drops[0], hidden[1], drops[1], layers.Dense(classes))


class FlattenDense(autotl.Head):
    """The whole feature map, place by place, into one hidden layer, dropout, a linear layer: as in VGG."""

    name = "flatten_dense"
    space = {
        "units": autotl.Int(32, 512, log=True, default=128),  # each unit reads every place: thousands take minutes
        "dropout": autotl.Float(0.0, 0.6, default=0.5),
    }

    def build(self, classes: int, *, units: int, dropout: float) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        hidden = layers.Dense(units, activation="relu")
        return _chain(layers.Flatten(), hidden, layers.Dropout(dropout), layers.Dense(classes))


def pool(pooling: str) -> Callable[[Any], Any]:
    """Return what makes one vector of a feature map: its "average", its "max", or "gem" between the two."""
    from keras import layers

    if pooling == "gem":
        return gem
    layer: Callable[[Any], Any] = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}[
        pooling
    ]()
    return layer


def gem(feature_map: Any) -> Any:
    """Return the generalised mean over places, in `keras.ops`, so that plain Keras opens the saved model."""
    from keras import ops

    positive = ops.maximum(feature_map, 1e-6)  # the root has no slope at 0
    return ops.power(ops.mean(ops.power(positive, _GEM_POWER), axis=[1, 2]), 1 / _GEM_POWER)


def _chain(*steps: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def head(feature_map: Any) -> Any:
        for step in steps:
            feature_map = step(feature_map)
        return feature_map

    return head


@autotl.hookimpl
def heads() -> Iterable[autotl.Head]:
    """Offer the built-in heads."""
    return [Linear(), Dense(), TwoDense(), FlattenDense()]
