"""A piece of a backbone: what lies between one tensor of its graph and others above it, run in inference mode."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.transfer.cuts import is_layer, nodes

if TYPE_CHECKING:
    import keras


class Piece:
    """A part of a graph as a function of the tensor at its lower end; it owns no weights, its layers do.

    A convolution and the BatchNorm right behind it run as one convolution whose kernel is scaled within the step.
    That is the same arithmetic on a kernel instead of on a feature map: gradients reach the kernel, gamma and beta
    as ever, and a forward pass of MobileNetV2 takes a third less on a CPU. BatchNorm, dropout and stochastic
    depth always run in inference mode.
    """

    def __init__(
        self, model: keras.Model, start: Any, ends: Sequence[Any], fixed: Mapping[int, Any] | None = None
    ) -> None:
        """`fixed` has values by the id of a weight: where layers do not train, what is folded is folded once."""
        self.start, self.ends = start, tuple(ends)
        self._nodes = _between(nodes(model), start, self.ends)
        self._folded = _foldable(self._nodes, self.ends)
        self._kernels: dict[int, tuple[Any, Any]] = {}
        if fixed is not None:
            norms = {id(node): node.operation for node in self._nodes if id(node) in self._folded}
            self._kernels = {key: folded(self._folded[key].operation, norm, fixed) for key, norm in norms.items()}

    @property
    def layers(self) -> list[keras.Layer]:
        """Return the layers of the piece, each once, from the lower end up."""
        return list({id(node.operation): node.operation for node in self._nodes if is_layer(node)}.values())

    def __call__(self, features: Any) -> list[Any]:
        """Return the values at the upper ends for `features` at the lower end."""
        values = {id(self.start): features}
        skipped = {id(convolution) for convolution in self._folded.values()}
        for node in self._nodes:
            if id(node) in skipped:
                continue
            convolution = self._folded.get(id(node))
            if convolution is not None:
                below = values[id(convolution.input_tensors[0])]
                kernel = self._kernels.get(id(node)) or folded(convolution.operation, node.operation)
                made = _convolved(convolution.operation, *kernel, below)
            else:
                made = _called(node, values)
            outputs = made if isinstance(made, list | tuple) else [made]
            values.update((id(tensor), value) for tensor, value in zip(node.output_tensors, outputs, strict=True))
        return [values[id(end)] for end in self.ends]


def _between(ordered: Sequence[Any], start: Any, ends: Sequence[Any]) -> list[Any]:
    """Return the nodes that lead from `start` to any of `ends`, in the order in which they run."""
    wanted = {id(end) for end in ends} - {id(start)}
    kept = []
    for node in reversed(ordered):
        if any(id(tensor) in wanted for tensor in node.output_tensors):
            kept.append(node)
            wanted.update(id(tensor) for tensor in node.input_tensors if tensor is not start)
    return kept[::-1]


def _foldable(ordered: Sequence[Any], ends: Sequence[Any]) -> dict[int, Any]:
    """Return, by the id of a BatchNorm's node, the node of the convolution whose output it alone reads."""
    import keras

    readers = Counter(id(tensor) for node in ordered for tensor in node.input_tensors)
    readers.update(id(end) for end in ends)
    made_by = {id(tensor): node for node in ordered for tensor in node.output_tensors}
    found = {}
    for node in ordered:
        if type(node.operation) is keras.layers.BatchNormalization:
            tensor = node.input_tensors[0]
            below = made_by.get(id(tensor))
            if below is not None and readers[id(tensor)] == 1 and _folds(below.operation, node.operation):
                found[id(node)] = below
    return found


def _folds(convolution: Any, norm: Any) -> bool:
    import keras

    if type(convolution) not in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
        return False  # a subclass may do anything
    plain = convolution.activation is keras.activations.linear and convolution.data_format == "channels_last"
    return plain and getattr(convolution, "groups", 1) == 1 and norm.axis in (-1, 3)


def folded(convolution: Any, norm: Any, fixed: Mapping[int, Any] | None = None) -> tuple[Any, Any]:
    """Return the kernel and the bias of the one convolution that does what two layers do in inference mode."""
    import keras
    from keras import ops

    def value(weight: Any) -> Any:
        return ops.convert_to_tensor(weight) if fixed is None else fixed[id(weight)]

    scale = (value(norm.moving_variance) + norm.epsilon) ** -0.5  # operators alone: `fixed` values are numpy's
    if norm.scale:
        scale = scale * value(norm.gamma)
    start = -value(norm.moving_mean)
    if convolution.use_bias:
        start = start + value(convolution.bias)
    shift = start * scale + value(norm.beta) if norm.center else start * scale
    if isinstance(convolution, keras.layers.DepthwiseConv2D):
        reshape = ops.reshape if fixed is None else np.reshape
        scale = reshape(scale, (-1, convolution.depth_multiplier))
    precision = convolution.compute_dtype
    return _as_tensor(value(convolution.kernel) * scale, precision), _as_tensor(shift, precision)


def _as_tensor(value: Any, precision: str) -> Any:
    from keras import ops

    return ops.cast(ops.convert_to_tensor(value), precision)


def _convolved(convolution: Any, kernel: Any, shift: Any, features: Any) -> Any:
    import keras
    from keras import ops

    features = ops.cast(features, convolution.compute_dtype)
    how = {
        "strides": tuple(convolution.strides),
        "padding": convolution.padding,
        "dilation_rate": tuple(convolution.dilation_rate),
        "data_format": convolution.data_format,
    }
    run = ops.depthwise_conv if isinstance(convolution, keras.layers.DepthwiseConv2D) else ops.conv
    return ops.add(run(features, kernel, **how), shift)


def _called(node: Any, values: dict[int, Any]) -> Any:
    args, kwargs = node.arguments.fill_in(values)
    if is_layer(node) and "training" in _arguments(type(node.operation).call):
        kwargs = {**kwargs, "training": False}
    return node.operation(*args, **kwargs)


@cache
def _arguments(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
