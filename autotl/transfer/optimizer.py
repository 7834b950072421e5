"""The optimiser of a trial: AdamW with a slower rate for the pretrained layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def two_rates(slow: Sequence[Any], *, weight_decay: float, accumulate: int) -> Any:
    """Return an AdamW whose updates of the variables in `slow` are scaled by its `slow_rate`.

    Adam divides a gradient by its own size, so scaled gradients would change nothing: the rate itself is
    scaled, in the step of each variable. `slow_rate` and `learning_rate` are variables of the compiled step:
    trials that differ only in them share it.
    """
    import keras

    class TwoRates(keras.optimizers.AdamW):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(
                learning_rate=1e-3,
                weight_decay=weight_decay,
                clipnorm=1.0,
                gradient_accumulation_steps=accumulate if accumulate > 1 else None,
            )
            self.slow_rate = keras.Variable(1.0, trainable=False, name="slow_rate")
            self._slow = {id(variable) for variable in slow}
            self._places: set[int] = set()

        def build(self, variables: Sequence[Any]) -> None:
            super().build(variables)
            self._places = {i for i, variable in enumerate(variables) if id(variable) in self._slow}

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if self._get_variable_index(variable) in self._places:
                learning_rate = learning_rate * keras.ops.cast(self.slow_rate, learning_rate.dtype)
            super().update_step(gradient, variable, learning_rate)

    optimizer = TwoRates()
    optimizer.exclude_from_weight_decay(var_list=list(slow))  # decay would pull them from where pretraining left them
    return optimizer
