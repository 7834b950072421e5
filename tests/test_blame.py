from __future__ import annotations

import pytest

from autotl.blame import Blame
from autotl.candidate import Candidate, TrialRecord


def ended(state, head="dense", backbone="net") -> TrialRecord:
    history = () if state == "failed" else ({"epoch": 1.0},)
    return TrialRecord(0, state, Candidate(backbone, head, "none", 96, 0, 5), history=history)


def counted(*records) -> list:
    blame = Blame()
    return [blame.count(record) for record in records]


def test_the_third_failure_in_a_row_is_one_too_many_and_told_once():
    told = counted(*[ended("failed", backbone=f"net{n}") for n in range(4)])
    assert told == [[], [], [("head", "dense"), ("augmentation", "none")], []]


@pytest.mark.parametrize("state", ["complete", "pruned"])
def test_a_part_that_ever_worked_is_not_to_blame(state):
    told = counted(ended(state), *[ended("failed", backbone="other") for _ in range(3)])
    assert told[-1] == [("backbone", "other")]


def test_a_trial_whose_time_was_up_before_it_began_tells_nothing():
    late = TrialRecord(0, "pruned", ended("failed").candidate)
    assert counted(ended("failed"), ended("failed"), late, ended("failed"))[-1]


def test_a_success_of_another_part_does_not_excuse_this_one():
    told = counted(ended("failed"), ended("complete", head="linear"), ended("failed"), ended("failed"))
    assert told[-1] == [("head", "dense")]
