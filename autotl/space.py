"""What may vary in a search: the dimensions Int, Float and Choice.

A dimension is plain data. It knows its range, a default (the value of the first trial), how to read a
value typed by a user, and how to ask a `Suggester` for the next value. It knows nothing of Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autotl.errors import ConfigError

Value = int | float | str | bool


class Suggester(Protocol):
    """Proposes values; an Optuna trial is one."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return an integer from `low` to `high`."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Return a number from `low` to `high`."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of `choices`."""
        ...


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number from `low` to `high`, both included; `log` spreads proposals by magnitude."""

    low: int
    high: int
    log: bool = False
    default: int | None = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log, self.default)

    def first(self) -> int:
        """Return the value of the default recipe."""
        return round(_middle(self.low, self.high, self.log)) if self.default is None else self.default

    def suggest(self, name: str, suggester: Suggester) -> int:
        """Ask `suggester` for a value, recorded under `name`."""
        return suggester.suggest_int(name, self.low, self.high, log=self.log)

    def read(self, value: object, name: str) -> int:
        """Return a pinned value as an int; it may leave the searched range, not its sign.

        Raises ConfigError naming `name`.
        """
        number = _number(value, name)
        if number != int(number) or not _same_kind(number, self.low, self.high):
            raise ConfigError(f"{name}={value} cannot be: a whole number like {self.low} to {self.high} fits.")
        return int(number)


@dataclass(frozen=True, slots=True)
class Float:
    """A number from `low` to `high`, both included; `log` spreads proposals by magnitude."""

    low: float
    high: float
    log: bool = False
    default: float | None = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log, self.default)

    def first(self) -> float:
        """Return the value of the default recipe."""
        return _middle(self.low, self.high, self.log) if self.default is None else self.default

    def suggest(self, name: str, suggester: Suggester) -> float:
        """Ask `suggester` for a value, recorded under `name`."""
        return suggester.suggest_float(name, self.low, self.high, log=self.log)

    def read(self, value: object, name: str) -> float:
        """Return a pinned value as a float; it may leave the searched range, not its sign nor 0 to 1.

        Raises ConfigError naming `name`.
        """
        number = _number(value, name)
        inside_unit = self.high > 1 or number <= 1
        if not inside_unit or not _same_kind(number, self.low, self.high):
            raise ConfigError(f"{name}={value} cannot be: a number like {self.low:g} to {self.high:g} fits.")
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values, in no order; the first is the default."""

    options: tuple[Value, ...]

    def __init__(self, *options: Value) -> None:
        """Take the options as arguments: `Choice("average", "max")`."""
        if not options:
            raise ValueError("A Choice needs at least one option, but got none.")
        if len({(type(o), o) for o in options}) != len(options):
            raise ValueError(f"The options of a Choice must differ, but got {options}.")
        object.__setattr__(self, "options", options)

    def first(self) -> Value:
        """Return the value of the default recipe."""
        return self.options[0]

    def suggest(self, name: str, suggester: Suggester) -> Value:
        """Ask `suggester` for a value, recorded under `name`."""
        option: Value = suggester.suggest_categorical(name, self.options)
        return option

    def read(self, value: object, name: str) -> Value:
        """Return the option that a user's text or value means; raises ConfigError naming `name`.

        Where all options are whole numbers, others like them may be pinned too: a batch of 8 beside 16 and 32.
        """
        if all(type(option) is int for option in self.options):
            numbers = [int(option) for option in self.options]
            return Int(min(numbers), max(numbers)).read(value, name)
        for option in self.options:
            if (value == option and type(value) is type(option)) or str(value).lower() == str(option).lower():
                return option
        known = ", ".join(str(option) for option in self.options)
        raise ConfigError(f"{name}={value} cannot be: it is one of {known}.")


Dimension = Int | Float | Choice
Space = Mapping[str, Dimension]


def _check_range(low: float, high: float, log: bool, default: float | None) -> None:
    if not low <= high or not math.isfinite(low) or not math.isfinite(high):
        raise ValueError(f"`low <= high` must hold, both finite, but got ({low=}, {high=}).")
    if log and low <= 0:
        raise ValueError(f"A log dimension needs `low > 0`, but got ({low=}).")
    if default is not None and not low <= default <= high:
        raise ValueError(f"`low <= default <= high` must hold, but got ({low=}, {default=}, {high=}).")


def _middle(low: float, high: float, log: bool) -> float:
    middle = math.sqrt(low * high) if log else low + (high - low) / 2
    return min(max(middle, low), high)  # rounding must not leave the range


def _number(value: object, name: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        raise ConfigError(f"{name}={value} is not a number.") from None
    if not math.isfinite(number) or isinstance(value, bool):
        raise ConfigError(f"{name}={value} is not a finite number.")
    return number


def _same_kind(number: float, low: float, high: float) -> bool:
    """A pin may lie beyond the searched range, but not change sign: units of -3 or 0 never mean anything."""
    if low <= number <= high:
        return True
    return number > 0 if low >= 0 else True
