"""A head in two parts: its stem, which has nothing to learn, and the rest; what the stem gives is kept."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from autotl.candidate import Candidate
from autotl.errors import PluginError
from autotl.transfer.cuts import find, inline, is_layer, nodes, outline

if TYPE_CHECKING:
    import keras

    from autotl.parts import Head


@dataclass(frozen=True, eq=False)
class BuiltHead:
    """A head as a model from feature maps to logits, and the same in two parts that share its layers.

    The stem (a pooling, say) has no weights and nothing random, and gives fewer values than it takes: trials on
    frozen features read what it gives. `stem` is None where there is no such part; then `rest` is the whole head.
    `first_values` are those of all its variables when it was built.
    """

    model: keras.Model
    stem: keras.Model | None
    stem_digest: str
    rest: keras.Model
    first_values: list[Any]

    def reset(self) -> None:
        """Set all variables back to what they were when the head was built."""
        for variable, value in zip(self.model.variables, self.first_values, strict=True):
            variable.assign(value)


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
    return keras.Model(features, logits, name="head")


def split(head: keras.Model) -> BuiltHead:
    """Return a head with its stem apart."""
    import keras

    flat = inline(head)
    cuts = find(flat)
    tensor, size = None, cuts[-1].size
    after = {id(cut.tensor): cut for cut in cuts[1:-1]}
    for node in nodes(flat):
        if not _is_fixed(node):
            break
        cut = after.get(id(node.output_tensors[0]))
        if cut is not None and cut.size < size:
            tensor, size = cut.tensor, cut.size
    values = [keras.ops.convert_to_numpy(variable) for variable in head.variables]
    if tensor is None:
        return BuiltHead(head, None, "", flat, values)
    stem = keras.Model(flat.input, tensor)
    digest = sha256(json.dumps(outline(stem)).encode()).hexdigest()[:16]
    return BuiltHead(head, stem, digest, keras.Model(tensor, flat.output), values)


def _is_fixed(node: Any) -> bool:
    """Return whether a node has nothing to learn and nothing random."""
    if not is_layer(node):
        return not getattr(node.operation, "variables", ())
    return not node.operation.variables and "training" not in inspect.signature(node.operation.call).parameters
