"""Cut points: the places in a backbone's graph where exactly one tensor crosses.

A cut splits a functional model into a frozen prefix and a trainable suffix that share its layers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotl.errors import PluginError

if TYPE_CHECKING:
    import keras

OFFERED = 8


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut: the tensor that crosses, and how many layers of the backbone lie above it.

    `joins` tells that the tensor leaves a merging layer (an addition, a concatenation): the end of a block.
    `size` is the number of values of the tensor for one picture, `work` the share of a forward pass's
    multiplications that lies above the cut, 0 to 1.
    """

    tensor: Any
    unfrozen_layers: int
    joins: bool
    size: int
    work: float


def find(model: keras.Model) -> tuple[Cut, ...]:
    """Return the cuts of a functional model, from its output (0 unfrozen layers) down to its input (all of them).

    Raises PluginError when the model is not functional, or has several inputs or outputs.
    """
    found = crossings(model)
    cuts = {cut.unfrozen_layers: cut for cut in found}  # of several below the same layer, the one nearest to it
    cuts[found[0].unfrozen_layers] = found[0]  # but the lowest is the input, whatever operations come before a layer
    return tuple(cuts[count] for count in sorted(cuts))


def crossings(model: keras.Model) -> list[Cut]:
    """Return every place where a single tensor crosses, from the input up, those behind bare operations included."""
    ordered = nodes(model)
    start, end = _single(model.inputs), _single(model.outputs)
    remaining = Counter(id(tensor) for node in ordered for tensor in node.input_tensors)
    above = sum(is_layer(node) for node in ordered)
    total = max(sum(map(_work, ordered)), 1)
    work = total
    live = {id(start): start}
    found = [Cut(start, above, False, _size(start), 1.0)]
    for node in ordered:
        above -= is_layer(node)
        work -= _work(node)
        live.update((id(tensor), tensor) for tensor in node.output_tensors)
        for tensor in node.input_tensors:
            remaining[id(tensor)] -= 1
            if not remaining[id(tensor)] and tensor is not end:
                live.pop(id(tensor), None)
        if len(live) == 1:
            (tensor,) = live.values()
            found.append(Cut(tensor, above, len(node.input_tensors) > 1, _size(tensor), work / total))
    return found


def snap(unfrozen_layers: int, cuts: Sequence[int]) -> int:
    """Return the largest possible count of unfrozen layers that is not above the one asked for."""
    return max((count for count in cuts if count <= unfrozen_layers), default=0)


def offered(cuts: Sequence[Cut], most: int = OFFERED) -> tuple[int, ...]:
    """Return the counts of unfrozen layers that a search draws from: about `most` ends of blocks, and 0.

    Ends of blocks are where layers merge; a plain chain (VGG) has none, so any of its cuts may serve.
    """
    inner = [cut for cut in cuts[1:] if cut.joins]
    inner = inner if len(inner) >= 3 else list(cuts[1:-1])
    if len(inner) > most:
        inner = [inner[round(i * (len(inner) - 1) / (most - 1))] for i in range(most)]
    return (0, *sorted({cut.unfrozen_layers for cut in inner}))


def inline(model: keras.Model) -> keras.Model:
    """Return the same network with nested models laid open, so that cuts can be found inside them."""
    import keras

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_graph(layer):
            return layer.call(args[0])  # runs the inner graph on the outer tensor, one node per inner layer
        return layer(*args, **kwargs)

    while any(_is_graph(layer) for layer in model.layers):
        model = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    return model


def _is_graph(layer: Any) -> bool:
    import keras

    functional = hasattr(layer, "_nodes_by_depth") or (isinstance(layer, keras.Sequential) and layer.built)
    return isinstance(layer, keras.Model) and functional


def outline(model: keras.Model) -> list[list[str]]:
    """Return the graph as text without the names that Keras numbers anew in each process."""
    made: dict[int, int] = {id(tensor): -1 for tensor in model.inputs}
    rows = []
    for position, node in enumerate(nodes(model)):
        config = {k: v for k, v in _config(node.operation).items() if k not in ("name", "trainable")}
        sources = [made.get(id(tensor), -1) for tensor in node.input_tensors]
        rows.append([type(node.operation).__name__, repr(sorted(config.items())), str(sources), _constants(node)])
        made.update((id(tensor), position) for tensor in node.output_tensors)
    return rows


def _config(operation: Any) -> dict[str, Any]:
    import keras

    if isinstance(operation, keras.layers.Layer):
        return dict(operation.get_config())
    return {}


def _constants(node: Any) -> str:
    """Return what a node was called with besides tensors: a bare operation (keras.ops) keeps its settings there."""
    import keras

    given = keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
    return repr([each for each in given if not isinstance(each, keras.KerasTensor)])


def nodes(model: keras.Model) -> list[Any]:
    """Return the nodes of the graph in an order in which they can run, inputs left out."""
    by_depth = getattr(model, "_nodes_by_depth", None)
    if by_depth is None:
        raise PluginError(
            f"The backbone {model.name!r} is not a functional Keras model, so it has no cut points. "
            "Build it with keras.Model(inputs, outputs)."
        )
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if node.input_tensors]


def _single(tensors: Sequence[Any]) -> Any:
    if len(tensors) != 1:
        raise PluginError(f"A backbone has one input and one output, but this one has {len(tensors)} of them.")
    return tensors[0]


def is_layer(node: Any) -> bool:
    """Return whether a node calls a Keras layer, and not a bare operation."""
    import keras

    return isinstance(node.operation, keras.layers.Layer)


def _work(node: Any) -> int:
    """Return about how many multiplications a node takes for one picture: its kernels at each place of its output."""
    kernels = [weight for weight in getattr(node.operation, "weights", ()) if len(weight.shape) > 1]
    places: int = 1
    for side in node.output_tensors[0].shape[1:-1]:
        places *= side or 1
    return places * sum(int(math.prod(weight.shape)) for weight in kernels)


def _size(tensor: Any) -> int:
    size = 1
    for side in tensor.shape[1:]:
        size *= side or 1
    return size
