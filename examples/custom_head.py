"""A head of one's own, in a single file: it learns where in the picture to look.

    autotl plugins check examples/custom_head.py
    autotl search DATA --plugin examples/custom_head.py --head attention --head dense

The second command lets the search choose between this head and a built-in one. A file is enough to try an idea;
plugins/README.md shows how to make a package of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import autotl


class Attention(autotl.Head):
    """Weighs the places of the feature map, sums them up once for each of a few maps of weights, and classifies."""

    name = "attention"
    space = {
        "maps": autotl.Int(1, 8, log=True, default=2),
        "dropout": autotl.Float(0.0, 0.6, default=0.3),
    }

    def build(self, classes: int, *, maps: int, dropout: float) -> Callable[[Any], Any]:
        """Return the head."""
        from keras import layers

        look, share, add = layers.Conv2D(maps, 1), layers.Softmax(axis=1), layers.Dot(axes=1)
        drop, logits = layers.Dropout(dropout), layers.Dense(classes)

        def head(feature_map: Any) -> Any:
            rows, columns, channels = feature_map.shape[1:]
            weights = share(layers.Reshape((rows * columns, maps))(look(feature_map)))
            places = layers.Reshape((rows * columns, channels))(feature_map)
            return logits(drop(layers.Flatten()(add([weights, places]))))

        return head


@autotl.hookimpl
def heads() -> Iterable[autotl.Head]:
    """Offer `attention`."""
    return [Attention()]
