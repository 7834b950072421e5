from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.budget import Budget
from autotl.candidate import Candidate, TrialRecord
from autotl.config import make


def budget(elapsed: float = 0.0, **settings) -> Budget:
    return Budget(make(data="d", out="o", **settings), lambda: elapsed)


def record(number: int, **more) -> TrialRecord:
    return TrialRecord(number, "complete", Candidate("net", "dense", "none", 96, 0, 5), 0.5, **more)


def test_without_a_time_everything_fits():
    assert budget(trials=3).fits(1e9)
    assert budget(trials=3).left() == math.inf


@given(st.floats(1, 1e5), st.floats(0, 1e5), st.floats(0, 1e5))
def test_what_fits_ends_before_the_finish_begins(seconds, elapsed, length):
    one = budget(elapsed, seconds=seconds)
    assert one.fits(length) == (elapsed < seconds - one.reserve >= elapsed + length)


@pytest.mark.parametrize(("seconds", "reserve"), [(60, 6), (600, 20), (3600, 20)])
def test_until_the_finish_is_measured_a_share_is_kept_for_it(seconds, reserve):
    assert budget(seconds=seconds).reserve == reserve


def test_nothing_fits_once_the_time_is_up_not_even_nothing():
    assert not budget(100.0, seconds=100).fits(0.0)


def test_probes_continuations_and_repetitions_are_not_counted_as_trials():
    records = [record(0, probe=True), record(1), record(2, continues=1), record(3, repeats=1)]
    assert budget(trials=2).counts(records)
    assert not budget(trials=2).counts(records, running=1)
    assert budget(trials=1).spent(records)
    assert not budget(trials=2).spent(records)
