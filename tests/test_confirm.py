from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Candidate, TrialRecord
from autotl.confirm import Confirmation

from .test_costs import costs


def record(number, score, unfrozen=0, **more) -> TrialRecord:
    chosen = Candidate("small", "dense", "none", 96, unfrozen, 10, {"batch_size": 32}, more.pop("seed", 0))
    rows = tuple({"epoch": epoch, "seconds": 1.0} for epoch in range(1, 11))
    return TrialRecord(number, "complete", chosen, score, history=rows, **more)


RECORDS = [record(0, 0.7), record(1, 0.9, 10), record(2, 0.8, 40), record(3, 0.6, 100)]


def confirmation(seeds=2, places=1, **ms) -> Confirmation:
    return Confirmation(costs(**(ms or {"small": 5.0})), "accuracy", seeds, places)


def told(plan) -> list[tuple[int, int, int]]:
    return [(repeat.first.number, repeat.candidate.seed, repeat.candidate.epochs) for repeat in plan]


def test_with_time_enough_the_best_three_run_longer_with_each_seed_in_turn():
    plan = confirmation().plan(RECORDS, 1e9)
    assert told(plan) == [(1, 1, 15), (2, 1, 15), (0, 1, 15), (1, 2, 15), (2, 2, 15), (0, 2, 15)]
    assert plan[0].candidate.values == RECORDS[1].candidate.values


def test_without_a_time_the_best_two_are_repeated():
    assert told(confirmation(seeds=1).plan(RECORDS, None)) == [(1, 1, 15), (2, 1, 15)]


@given(st.floats(0, 2000), st.integers(0, 4), st.integers(1, 3))
def test_a_plan_fits_into_its_time_and_more_time_never_means_fewer_runs(seconds, seeds, places):
    one = confirmation(seeds, places)
    plan = one.plan(RECORDS, seconds)
    assert one.seconds(plan) <= seconds
    assert len(one.plan(RECORDS, 2 * seconds)) >= len(plan)


def test_little_time_takes_seeds_recipes_and_epochs_away():
    one = confirmation()
    sizes = {(len(plan), max(epochs for _, _, epochs in told(plan)))
             for seconds in range(0, 1500, 5) if (plan := one.plan(RECORDS, seconds))}  # fmt: skip
    assert sizes == {(2, 10), (4, 10), (6, 10), (6, 15)}


@pytest.mark.parametrize("records", [[], RECORDS[:1], [record(0, 0.9), record(1, 0.9, repeats=0, seed=1)]])
def test_one_recipe_alone_is_not_confirmed(records):
    assert confirmation().plan(records, 1e9) == []


def test_none_are_repeated_when_none_are_wanted():
    assert confirmation(seeds=0).plan(RECORDS, None) == []


def test_a_probe_is_compared_with_but_not_repeated():
    plan = confirmation(seeds=1).plan([record(0, 0.95, probe=True), record(1, 0.9, 10)], None)
    assert told(plan) == [(1, 1, 15)]


def test_runs_that_were_made_are_not_made_again():
    done = [record(4, 0.9, 10, repeats=1, seed=1), record(5, 0.9, 40, repeats=2, seed=2)]
    assert told(confirmation().plan([*RECORDS[1:3], *done], None)) == [(2, 1, 15), (1, 2, 15)]


def test_where_no_cost_is_known_a_run_takes_what_the_first_took():
    one = Confirmation(costs(), "accuracy", 1)
    assert one.seconds(one.plan(RECORDS, None)) == pytest.approx(2 * 15.0)


def test_several_workers_share_the_runs():
    plan = confirmation().plan(RECORDS, 1e9)
    alone, shared = confirmation().seconds(plan), confirmation(places=3).seconds(plan)
    assert alone / 3 <= shared < alone
