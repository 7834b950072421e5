from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Candidate, TrialRecord
from autotl.rungs import FACTOR, Rungs, levels

EPOCHS = 9
RECIPE = Candidate("net", "dense", "none", 96, 0, EPOCHS)


def rows(curve, count: int) -> list[dict[str, float]]:
    return [{"score": score, "valid_loss": 1 - score} for score in curve[:count]]


def record(number, curve, epochs, state, **more) -> TrialRecord:
    return TrialRecord(number, state, RECIPE, score=max(curve[:epochs]), history=tuple(rows(curve, epochs)), **more)


class Race:
    """Runs curves, one epoch at a time, until the epochs are spent: paused by rungs, or none ever paused."""

    def __init__(self, curves, budget: int, rungs: Rungs | None) -> None:
        self.curves, self.left, self.rungs = curves, budget, rungs
        self.done: dict[int, int] = {}
        self.events: list[tuple[str, int]] = []

    def run(self) -> Race:
        while self.left:
            ready = self.rungs.promotable() if self.rungs else []
            fresh = len(self.done)
            if not ready and fresh == len(self.curves):
                break
            number = ready[0] if ready else fresh
            if ready:
                self.rungs.leave(number)
            self.events.append(("promoted" if ready else "begun", number))
            self._train(number)
        return self

    def _train(self, number: int) -> None:
        for epoch in range(self.done.get(number, 0) + 1, EPOCHS + 1):
            if not self.left:
                return
            self.left -= 1
            self.done[number] = epoch
            if self.rungs and self.rungs.report(number, rows(self.curves[number], epoch)):
                self.events.append(("paused", number))
                return

    @property
    def best(self) -> float:
        return max(max(self.curves[number][:epochs]) for number, epochs in self.done.items())


def rising(top: float, speed: float) -> list[float]:
    """A learning curve that comes near its top at epoch 1 / speed."""
    return [top * (1 - (1 - speed) ** epoch) for epoch in range(1, EPOCHS + 1)]


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(1, ()), (2, ()), (3, (2,)), (5, (2,)), (6, (3,)), (10, (3,)), (30, (3, 9)), (60, (3, 9, 27))],
)
def test_rungs_wait_for_the_unfrozen_layers_and_never_judge_what_is_nearly_done(epochs, expected):
    assert levels(epochs) == expected


def test_of_known_curves_the_right_ones_are_paused():
    rungs = Rungs(EPOCHS, "accuracy")
    curves = [rising(top, 0.5) for top in (0.6, 0.7, 0.5, 0.65, 0.9, 0.68)]
    paused = [rungs.report(number, rows(curve, 3)) for number, curve in enumerate(curves)]
    # every new best goes on, and so does the second of four; the third of three or of six stays behind
    assert paused == [False, False, True, False, False, True]


def test_only_rungs_judge():
    rungs = Rungs(EPOCHS, "accuracy")
    rungs.report(0, rows([0.9] * 9, 3))
    assert not any(rungs.report(1, rows([0.1] * 9, epoch)) for epoch in (1, 2, 4, 5, 6, 7, 8, 9))
    assert rungs.report(1, rows([0.1] * 9, 3))


def test_the_best_epoch_so_far_counts_not_the_last():
    rungs = Rungs(EPOCHS, "accuracy")
    rungs.report(0, rows([0.5, 0.6, 0.7], 3))
    assert not rungs.report(1, rows([0.2, 0.8, 0.1], 3))


def test_a_lower_log_loss_leads():
    rungs = Rungs(EPOCHS, "log_loss")
    rungs.report(0, rows([0.5] * 3, 3))
    assert rungs.report(1, rows([0.9] * 3, 3))
    assert not rungs.report(2, rows([0.1] * 3, 3))


def test_equal_scores_are_told_apart_by_their_loss():
    rungs = Rungs(EPOCHS, "accuracy")
    for number, loss in enumerate((0.3, 0.1, 0.2)):
        rungs.report(number, [{"score": 1.0, "valid_loss": loss}] * 3)
    assert rungs.waiting() == [2]
    assert not rungs.report(3, [{"score": 1.0, "valid_loss": 0.05}] * 3)


def test_a_spared_trial_is_never_paused_but_others_are_measured_by_it():
    rungs = Rungs(EPOCHS, "accuracy")
    rungs.report(0, rows([0.9] * 3, 3))
    assert not rungs.report(1, rows([0.1] * 3, 3), spared=True)
    assert rungs.report(2, rows([0.5] * 3, 3))
    assert rungs.promotable() == []
    rungs.report(3, rows([0.2] * 3, 3))  # the fourth arrival opens a second place, and the best waiting one gets it
    assert rungs.promotable() == [2]


def test_a_late_bloomer_is_promoted_when_worse_ones_have_come_and_wins():
    quick, bloomer, poor = rising(0.8, 0.6), rising(0.95, 0.35), rising(0.5, 0.5)
    race = Race([quick, bloomer, poor, poor, poor, poor], 60, Rungs(EPOCHS, "accuracy")).run()
    assert race.events.index(("paused", 1)) < race.events.index(("promoted", 1))
    assert race.done[1] == EPOCHS
    assert race.best == max(bloomer)
    assert all(race.done[number] == 3 for number in (2, 4, 5))


@given(st.integers(0, 10_000))
def test_an_equal_budget_of_epochs_looks_at_as_many_trials_or_more(seed):
    draw = random.Random(seed)
    curves = [rising(draw.uniform(0.3, 1.0), draw.uniform(0.3, 0.7)) for _ in range(60)]
    with_rungs = Race(curves, 15 * EPOCHS, Rungs(EPOCHS, "accuracy")).run()
    without = Race(curves, 15 * EPOCHS, None).run()
    assert len(with_rungs.done) >= len(without.done)
    assert sum(with_rungs.done.values()) == sum(without.done.values())


def test_over_many_searches_rungs_find_a_better_trial_in_the_same_number_of_epochs():
    gains = []
    for seed in range(200):
        draw = random.Random(seed)
        curves = [rising(draw.uniform(0.3, 1.0), draw.uniform(0.3, 0.7)) for _ in range(60)]
        races = [Race(curves, 15 * EPOCHS, rungs).run().best for rungs in (Rungs(EPOCHS, "accuracy"), None)]
        gains.append(races[0] - races[1])
    assert sum(gain > 0 for gain in gains) > 2 * sum(gain < 0 for gain in gains)
    assert sum(gains) / len(gains) > 0.01


SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=25)


@given(SCORES)
def test_the_best_so_far_of_a_rung_is_never_paused(scores):
    rungs = Rungs(EPOCHS, "accuracy")
    for number, score in enumerate(scores):
        paused = rungs.report(number, rows([score] * 3, 3))
        assert not (paused and score >= max(scores[: number + 1]))


@given(SCORES)
def test_once_all_promoted_are_gone_no_third_of_a_rung_waits_in_vain(scores):
    rungs = Rungs(EPOCHS, "accuracy")
    on = {number for number, score in enumerate(scores) if not rungs.report(number, rows([score] * 3, 3))}
    while ready := rungs.promotable():
        on.add(ready[0])
        rungs.leave(ready[0])
    best = sorted(range(len(scores)), key=lambda number: -scores[number])[: -(-len(scores) // FACTOR)]
    assert {scores[number] for number in best} <= {scores[number] for number in on}


@given(st.permutations(range(8)))
def test_who_may_go_on_does_not_depend_on_the_order_of_arrival(order):
    curves = {number: [number / 10] * 3 for number in range(8)}
    rungs = Rungs(EPOCHS, "accuracy")
    gone = {number for number in order if not rungs.report(number, rows(curves[number], 3))}
    gone |= set(rungs.promotable())
    assert {5, 6, 7} <= gone


def test_a_resumed_search_knows_its_rungs_in_whatever_order_the_records_come():
    curves = {0: rising(0.8, 0.6), 1: rising(0.95, 0.35), 2: rising(0.5, 0.5), 3: rising(0.4, 0.5)}
    live = Rungs(EPOCHS, "accuracy")
    for number, curve in curves.items():
        live.report(number, rows(curve, 3))
    records = [record(0, curves[0], 9, "complete"), *(record(n, curves[n], 3, "pruned") for n in (1, 2, 3))]
    again = Rungs(EPOCHS, "accuracy")
    again.recall(reversed(records))
    assert again.promotable() == live.promotable() == [1]
    assert again.waiting() == live.waiting()
    continued = Rungs(EPOCHS, "accuracy")
    continued.recall([*records, record(4, curves[1], 9, "complete", continues=1)])
    assert continued.promotable() == []
    assert set(continued.waiting()) == {2, 3}


def test_probes_and_repetitions_stand_on_no_rung():
    rungs = Rungs(EPOCHS, "accuracy")
    rungs.recall([record(0, [0.99] * 9, 9, "complete", repeats=5), record(1, [0.99], 1, "complete", probe=True)])
    assert not rungs.report(2, rows([0.1] * 3, 3))


def test_the_most_hopeful_wait_first_and_one_that_left_waits_no_more():
    rungs = Rungs(EPOCHS, "accuracy")
    for number, score in enumerate((0.9, 0.1, 0.3, 0.2)):
        rungs.report(number, rows([score] * 3, 3))
    assert rungs.waiting() == [2, 3, 1]
    rungs.leave(2)
    assert rungs.waiting() == [3, 1]
    assert rungs.promotable() == []
