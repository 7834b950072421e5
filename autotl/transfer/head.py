"""A head in two parts: its stem, which has nothing to learn, and the rest; what the stem gives is kept.

Between the two lies a layer that centres each channel and brings all of them to a mean spread of 1, by what the
training pictures have: learning rates then mean the same for every backbone. Channels keep their spreads relative to
each other; a spread of 1 for every one of them gained nothing more.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.candidate import Candidate
from autotl.errors import PluginError
from autotl.trained import get_values, set_values
from autotl.transfer.cuts import crossings, inline, is_layer, nodes, outline

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from autotl.parts import Head

_STANDARD = "standardise"
_SEEN = 1024  # rows are enough to tell means and spread
_BLOCK = 64
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class BuiltHead:
    """A head as a model from feature maps to logits, and the same in two parts that share its layers.

    The stem (a pooling, say) has no weights and nothing random, and gives fewer values than it takes: trials on
    frozen features read what it gives. `stem` is None where there is no such part; then `rest` is the whole head.
    `first_values` are those of all its variables before any training, from when it was standardised.
    """

    model: keras.Model
    stem: keras.Model | None
    stem_digest: str
    rest: keras.Model
    first_values: list[Any] = field(default_factory=list)

    def standardise(self, rows: NDArray[Any], places: NDArray[np.int64]) -> None:
        """Centre and scale what the stem gives by its values at some places of `rows` `(pictures, …, channels)`."""
        standardise(self.model, *moments(rows, places))
        self.first_values[:] = get_values(self.model.variables)

    def reset(self) -> None:
        """Set all variables back to their first values."""
        set_values(self.model.variables, self.first_values)


def build_head(part: Head, candidate: Candidate, feature_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Return a head as a model from feature maps to logits; raises PluginError on a wrong shape."""
    import keras

    features = keras.Input(feature_shape)
    logits = part.build(classes, **candidate.of("head", part.name))(features)
    if tuple(logits.shape) != (None, classes):
        raise PluginError(
            f"The head {part.name!r} gives shape {tuple(logits.shape)}, but (batch, {classes}) is needed: "
            "one logit for each class."
        )
    return standardised(keras.Model(features, logits))


def standardised(head: keras.Model) -> keras.Model:
    """Return a head with a layer between its stem and the rest that `standardise` sets; it changes nothing yet."""
    import keras

    flat = inline(head)
    below = _top_of_stem(flat)
    standard = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=0.0, trainable=False, dtype="float32", name=_STANDARD
    )
    logits = keras.Model(below, flat.output).call(standard(below))  # its nodes, not a model within the model
    return keras.Model(flat.input, logits, name="head")


def split(head: keras.Model) -> BuiltHead:
    """Return a head with its stem apart."""
    import keras

    below = next(node.input_tensors[0] for node in nodes(head) if node.operation.name == _STANDARD)
    if below is head.input:
        return BuiltHead(head, None, "", head)
    stem = keras.Model(head.input, below)
    digest = sha256(json.dumps(outline(stem)).encode()).hexdigest()[:16]
    return BuiltHead(head, stem, digest, keras.Model(below, head.output))


def standardise(head: keras.Model, mean: Any, spread: float) -> None:
    """Let a head subtract `mean` `(channels,)` from what its stem gives, and divide by `spread`."""
    layer = head.get_layer(_STANDARD)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign([spread**2] * len(mean))


def moments(rows: NDArray[Any], places: NDArray[np.int64]) -> tuple[NDArray[np.float32], float]:
    """Return the mean of each channel `(channels,)` and the mean spread of all, at some places of rows."""
    chosen = places[np.linspace(0, len(places) - 1, min(_SEEN, len(places))).astype(int)]
    total, squares, count = np.zeros(rows.shape[-1]), np.zeros(rows.shape[-1]), 0
    for start in range(0, len(chosen), _BLOCK):
        block = np.asarray(rows[chosen[start : start + _BLOCK]], np.float64).reshape(-1, rows.shape[-1])
        total, squares, count = total + block.sum(axis=0), squares + (block**2).sum(axis=0), count + len(block)
    mean = total / count
    spread = float(np.sqrt(np.maximum(squares / count - mean**2, 0.0).mean()))
    return mean.astype(np.float32), spread if spread > _TINY else 1.0


def _top_of_stem(flat: keras.Model) -> Any:
    """Return what a head makes before anything that learns or is random, if that is smaller than its input, else that.

    The last such tensor: what lies above it reads centred values, and a root, say, bears none below 0.
    """
    lowest, *others = crossings(flat)
    smaller = {id(cut.tensor): cut.tensor for cut in others if cut.size < lowest.size}
    smaller.pop(id(flat.output), None)
    top = lowest.tensor
    for node in nodes(flat):
        if not _is_fixed(node):
            break
        top = smaller.get(id(node.output_tensors[0]), top)
    return top


def _is_fixed(node: Any) -> bool:
    """Return whether a node has nothing to learn and nothing random."""
    if not is_layer(node):
        return not getattr(node.operation, "variables", ())
    return not node.operation.variables and "training" not in inspect.signature(node.operation.call).parameters
