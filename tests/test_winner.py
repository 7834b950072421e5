from __future__ import annotations

import pytest

from autotl.candidate import Candidate, TrialRecord
from autotl.winner import kin, may_win, winner


def candidate(unfrozen=0, head="dense", units=64, seed=0, epochs=5) -> Candidate:
    return Candidate("net", head, "none", 96, unfrozen, epochs, {f"head.{head}.units": units, "batch_size": 32}, seed)


def record(number, score, state="complete", chosen=None, loss=0.5, **more) -> TrialRecord:
    return TrialRecord(number, state, chosen or candidate(), score, 3, {"log_loss": loss}, 1.0, **more)


def test_without_confirmation_the_best_trial_wins():
    chosen = winner([record(0, 0.7), record(1, 0.9), record(2, 0.95, "pruned"), record(3, 0.99, "failed")], "accuracy")
    assert (chosen.best.number, chosen.runs) == (1, (1,))


def test_nobody_wins_when_no_trial_is_complete():
    assert winner([record(0, 0.9, "pruned")], "accuracy") is None


def test_the_luckiest_run_loses_against_a_recipe_that_is_better_on_average():
    lucky, steady = record(0, 0.97), record(1, 0.95)
    repeats = [record(2, 0.80, repeats=0), record(3, 0.94, repeats=1), record(4, 0.96, repeats=1)]
    chosen = winner([lucky, steady, *repeats], "accuracy")
    assert chosen.best.number == 4  # the best of the winning recipe's runs
    assert chosen.runs == (1, 3, 4)


def test_a_lower_log_loss_is_the_better_mean():
    runs = [record(0, 0.10), record(1, 0.12), record(2, 0.50, repeats=0), record(3, 0.12, repeats=1)]
    assert winner(runs, "log_loss").runs == (1, 3)


def test_equal_means_go_to_the_lower_log_loss():
    runs = [record(0, 0.9, loss=0.4), record(1, 0.9, loss=0.6), record(2, 0.9, loss=0.9, repeats=0)]
    assert winner([*runs, record(3, 0.9, loss=0.2, repeats=1)], "accuracy").runs == (1, 3)


def test_a_repetition_that_was_cut_short_does_not_count():
    cut = record(2, 0.1, repeats=0, reason="stopped when the time was up, after epoch 1 of 5")
    assert winner([record(0, 0.9), record(1, 0.8), cut], "accuracy").runs == (0,)


def test_a_recipe_found_after_the_confirmation_wins_by_its_own_run():
    before = [record(0, 0.90), record(1, 0.85, repeats=0)]
    assert winner([*before, record(2, 0.95)], "accuracy").best.number == 2
    assert winner([*before, record(2, 0.89)], "accuracy").best.number == 0


def test_a_probe_needs_no_confirmation_to_win_or_to_lose():
    probe, trained = record(0, 0.93, probe=True), record(1, 0.91)
    assert winner([probe, trained], "accuracy").best.number == 0
    assert winner([probe, trained, record(2, 0.99, repeats=1)], "accuracy").runs == (1, 2)


@pytest.mark.parametrize(
    ("chosen", "alike"),
    [
        (candidate(seed=2, epochs=8), True),
        (candidate(units=32), False),
        (candidate(unfrozen=10), False),
        (candidate(head="linear"), False),
    ],
)
def test_kin_share_the_network_and_nothing_else_is_asked_of_them(chosen, alike):
    best = record(0, 0.9)
    assert kin(best, [best, record(1, 0.95, chosen=chosen)], "accuracy") == ([1, 0] if alike else [0])


def test_weights_are_kept_of_the_best_three_recipes_and_all_their_runs():
    firsts = [record(number, number / 10) for number in range(1, 7)]
    repeats = [record(7, 0.1, repeats=6), record(8, 0.1, repeats=1)]
    assert may_win([*firsts, *repeats], "accuracy") == {4, 5, 6, 7}
