"""The optimiser of a trial: AdamW over two flat vectors, the pretrained weights and those of the head."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-7
_CLIP = 1.0


def two_rates(slow: Sequence[Any], *, accumulate: int = 1, averages: bool = False) -> Any:
    """Return an AdamW whose updates of the variables in `slow` are scaled by its `slow_rate`.

    Adam divides a gradient by its own size, so scaled gradients would change nothing: the rate itself is scaled.
    `learning_rate`, `slow_rate`, `decay` (of the head alone: it would pull pretrained weights from where they
    were left) and `average_rate` are variables of the compiled step: trials that differ only in them share it.
    The gradient is clipped to a norm of 1 in all. `accumulate` batches make one update. With `averages` a moving
    average of the weights is kept; `exchange()` swaps it with the weights and back.

    All variables are updated as two vectors: a graph with thousands of operations for hundreds of small variables
    takes longer to build than a short trial takes to run. AdamW: Loshchilov and Hutter, arXiv 1711.05101.
    """
    return _flat_class()(slow, accumulate, averages)


@dataclass
class Group:
    """Variables that are updated as one vector: their places among all, whether they are slow, the state by name.

    Not a dict: Keras would take the variables in it for the optimiser's own.
    """

    variables: list[Any]
    places: list[int]
    slow: bool
    state: dict[str, Any] = field(default_factory=dict)

    def values(self) -> Any:
        """Return the variables as they are, as one vector."""
        return _flatten([variable.value for variable in self.variables], self.variables)


@dataclass(frozen=True)
class Now:
    """The numbers of one update: what the gradient is clipped by, rates for decay and step, whether it is due.

    `due` is 0 or 1, or None where each batch makes an update.
    """

    shrink: Any
    rate: Any
    step: Any
    due: Any


@cache
def _flat_class() -> Any:
    import keras
    from keras import ops

    class FlatAdamW(keras.optimizers.Optimizer):  # type: ignore[misc]
        def __init__(self, slow: Sequence[Any], accumulate: int, averages: bool) -> None:
            super().__init__(learning_rate=1e-3, name="flat_adamw")
            self._slow = {id(variable) for variable in slow}
            self._accumulate, self._averages = accumulate, averages
            self._groups: list[Group] = []

        def build(self, variables: Sequence[Any]) -> None:
            if self.built:
                return
            super().build(variables)
            self.slow_rate = self._number(1.0, "slow_rate")
            self.decay = self._number(0.0, "decay")
            self.average_rate = self._number(0.0, "average_rate")
            for is_slow in (True, False):
                places = [i for i, variable in enumerate(variables) if (id(variable) in self._slow) == is_slow]
                if places:
                    self._groups.append(self._group([variables[i] for i in places], places, is_slow))

        def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
            """Update the variables the optimiser was built with; `grads` in their order."""
            flat = [_flatten([grads[i] for i in group.places], group.variables) for group in self._groups]
            batches = self.iterations + 1
            self.iterations.assign(batches)
            due, updates = None, batches
            if self._accumulate > 1:
                due = ops.cast(ops.equal(batches % self._accumulate, 0), "float32")
                pairs = zip(self._groups, flat, strict=True)
                flat = [self._accumulated(group, gradient, due) for group, gradient in pairs]
                updates = ops.maximum(batches // self._accumulate, 1)
            count = ops.cast(updates, "float32")
            squares = [gradient * gradient for gradient in flat]
            norm = ops.sqrt(reduce(operator.add, [ops.sum(square) for square in squares]))
            shrink = _CLIP / ops.maximum(norm, _CLIP)
            unbias = ops.sqrt(1 - _SECOND**count) / (1 - _FIRST**count)
            rate = self._get_current_learning_rate()
            for group, gradient, square in zip(self._groups, flat, squares, strict=True):
                self._step(group, gradient, square, Now(shrink, rate, rate * unbias, due))

        def reset(self) -> None:
            """Set all it has gathered back to nothing; the rates are the trial's to set."""
            if int(self.iterations) == 0:
                return  # no step was taken: what it gathers takes as much memory as what it trains
            self.iterations.assign(0)
            for variable in (variable for group in self._groups for variable in group.state.values()):
                variable.assign(ops.zeros(variable.shape))

        def exchange(self) -> None:
            """Swap the weights with their moving average, if one is kept."""
            for group in self._groups if self._averages else ():
                now = group.values()
                _spread(group.state["average"].value, group.variables)
                group.state["average"].assign(now)

        def begin_averages(self) -> None:
            """Let the moving average begin at the weights as they are."""
            for group in self._groups if self._averages else ():
                group.state["average"].assign(group.values())

        def _step(self, group: Group, gradient: Any, square: Any, now: Now) -> None:
            """Update one vector; each operation reads it whole from memory, so there are as few as can be."""
            first, second = group.state["first"], group.state["second"]
            self._move_towards(first, gradient, (1 - _FIRST), now.shrink, now.due)
            self._move_towards(second, square, (1 - _SECOND), now.shrink * now.shrink, now.due)
            step = now.step * self.slow_rate if group.slow else now.step
            moves = _if_due(step, now.due) * first / (ops.sqrt(second) + _EPSILON)
            sizes = [math.prod(variable.shape) for variable in group.variables]
            parts = ops.split(moves, list(itertools.accumulate(sizes))[:-1]) if len(sizes) > 1 else [moves]
            stay = None if group.slow else 1.0 - _if_due(now.rate, now.due) * self.decay
            for variable, part in zip(group.variables, parts, strict=True):
                move = ops.cast(_shaped(part, variable.shape), variable.dtype)
                variable.assign((variable if stay is None else stay * variable) - move)
            if self._averages:
                average = group.state["average"]
                average.assign(average + _if_due(self.average_rate, now.due) * (group.values() - average))

        def _move_towards(self, mean: Any, value: Any, share: float, shrink: Any, due: Any) -> None:
            """Let a moving mean take a share of a value that is clipped, where an update is due."""
            kept = 1 - share if due is None else 1 - due * share
            mean.assign(kept * mean + (_if_due(share, due) * shrink) * value)

        def _accumulated(self, group: Group, gradient: Any, due: Any) -> Any:
            total = group.state["waiting"] + gradient
            group.state["waiting"].assign(total * (1 - due))
            return total / self._accumulate

        def _group(self, variables: list[Any], places: list[int], is_slow: bool) -> Group:
            size = sum(math.prod(variable.shape) for variable in variables)
            group = Group(variables, places, is_slow)
            kept = ["first", "second", *["waiting"] * (self._accumulate > 1), *["average"] * self._averages]
            for name in kept:
                group.state[name] = self.add_variable(
                    (size,), dtype="float32", name=f"{name}_{'slow' if is_slow else 'head'}"
                )
            return group

        def _number(self, value: float, name: str) -> Any:
            number = self.add_variable((), dtype="float32", name=name)
            number.assign(value)
            return number

    return FlatAdamW


def _if_due(number: Any, due: Any) -> Any:
    """Return a number, or 0 for a batch that no update is due after; `due` is None where one always is."""
    return number if due is None else due * number


def _flatten(values: Sequence[Any], variables: Sequence[Any]) -> Any:
    from keras import ops

    flat = []
    for value, variable in zip(values, variables, strict=True):
        known = ops.zeros(variable.shape) if value is None else value
        flat.append(ops.cast(_shaped(known, (-1,)), "float32"))
    return ops.concatenate(flat)


def _shaped(value: Any, shape: Sequence[int]) -> Any:
    """Return a value in a shape; a vector that is to be one stays as it is, which saves operations."""
    from keras import ops

    return value if len(value.shape) == len(shape) == 1 else ops.reshape(value, shape)


def _spread(flat: Any, variables: Sequence[Any]) -> None:
    place = 0
    for variable in variables:
        size = math.prod(variable.shape)
        variable.assign(_shaped(flat[place : place + size], variable.shape))
        place += size
