from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.errors import ConfigError
from autotl.space import Choice, Float, Int

WHOLE = st.integers(-1000, 1000)
REAL = st.floats(-1e6, 1e6)
WORDS = st.text("abcdefgh_", min_size=1, max_size=8)


class Ends:
    """Suggests one end of every range, and the last option."""

    def __init__(self, high: bool) -> None:
        self.high = high

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return high if self.high else low

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return high if self.high else low

    def suggest_categorical(self, name: str, choices: tuple) -> object:
        return choices[-1]


@given(WHOLE, WHOLE, st.booleans())
def test_what_an_int_gives_lies_in_its_range(a, b, log):
    low, high = sorted((a, b))
    if log and low <= 0:
        with pytest.raises(ValueError, match="low > 0"):
            Int(low, high, log=log)
        return
    dimension = Int(low, high, log=log)
    for value in (dimension.first(), dimension.suggest("x", Ends(False)), dimension.suggest("x", Ends(True))):
        assert isinstance(value, int)
        assert low <= value <= high
        assert dimension.read(str(value), "x") == value


@given(REAL, REAL)
def test_what_a_float_gives_lies_in_its_range(a, b):
    low, high = sorted((a, b))
    dimension = Float(low, high)
    assert low <= dimension.first() <= high
    for value in (low, high, dimension.first()):
        assert dimension.read(repr(value), "x") == value


@given(st.floats(1e-8, 1e3), st.floats(1e-8, 1e3))
def test_the_middle_of_a_log_range_is_that_of_magnitudes(a, b):
    low, high = sorted((a, b))
    assert low <= Float(low, high, log=True).first() <= high
    assert math.isclose(Float(low, high, log=True).first(), math.sqrt(low * high), rel_tol=1e-9)


@given(st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_every_option_of_a_choice_can_be_typed(words):
    dimension = Choice(*words)
    assert dimension.first() == words[0]
    assert dimension.suggest("x", Ends(True)) == words[-1]
    assert [dimension.read(word.upper(), "x") for word in words] == words


def test_a_default_is_the_first_value():
    assert Int(32, 1024, log=True, default=256).first() == 256
    assert Float(0.0, 0.6, default=0.3).first() == 0.3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Int(5, 4),
        lambda: Float(0.0, math.inf),
        lambda: Float(0.0, 1.0, log=True),
        lambda: Int(1, 4, default=5),
        lambda: Choice(),
        lambda: Choice("a", "a"),
    ],
)
def test_an_impossible_dimension_is_refused(make):
    with pytest.raises(ValueError, match="but got"):
        make()


@pytest.mark.parametrize(
    ("dimension", "typed", "value"),
    [
        (Int(32, 1024), "4096", 4096),
        (Int(32, 1024), "64.0", 64),
        (Float(0.0, 0.6), "0.9", 0.9),
        (Float(1e-5, 1e-1, log=True), "1e-6", 1e-6),
        (Choice(True, False), "false", False),
        (Choice(8, 16), "16", 16),
    ],
)
def test_a_pin_may_leave_the_searched_range(dimension, typed, value):
    found = dimension.read(typed, "x")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("dimension", "typed"),
    [
        (Int(32, 1024), "-3"),
        (Int(32, 1024), "0"),
        (Int(32, 1024), "64.5"),
        (Int(32, 1024), "many"),
        (Int(32, 1024), True),
        (Float(0.0, 0.6), "1.5"),
        (Float(0.0, 0.6), "-0.1"),
        (Float(0.0, 0.6), "nan"),
        (Float(0.0, 0.6), "inf"),
        (Choice("average", "max"), "min"),
    ],
)
def test_a_pin_that_cannot_be_is_named(dimension, typed):
    with pytest.raises(ConfigError, match=r"head\.dense\.units="):
        dimension.read(typed, "head.dense.units")


@pytest.mark.parametrize("dimension", [Int(1, 9, default=3), Float(0.0, 1.0), Choice("a", 2, 3.5, True)])
def test_first_values_are_plain_data(dimension):
    assert json.loads(json.dumps(dimension.first())) == dimension.first()
