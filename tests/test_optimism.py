from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.candidate import Candidate, TrialRecord
from autotl.config import METRICS
from autotl.folder import RunFolder
from autotl.metrics import score
from autotl.optimism import kept_probabilities, optimism, repetitions


def coins(trials, pictures=100, classes=2, seed=0):
    """Return labels, and the probabilities of trials that know nothing of them."""
    generator = np.random.default_rng(seed)
    labels = np.arange(pictures) % classes
    return labels, [generator.dirichlet(np.ones(classes), pictures) for _ in range(trials)]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_the_best_of_many_coins_looks_good_and_is_corrected_to_a_half(metric):
    found = [optimism(*coins(40, seed=seed), metric) for seed in range(5)]
    assert all(each.best > 0.58 for each in found)
    assert np.mean([each.corrected for each in found]) == pytest.approx(0.5, abs=0.03)
    assert all(each.low < each.corrected < each.high for each in found)


def test_a_log_loss_is_corrected_upwards():
    found = optimism(*coins(40), "log_loss")
    usual = np.mean([score(*_lone(seed), "log_loss") for seed in range(9)])
    assert found.best < found.corrected
    assert found.corrected == pytest.approx(usual, abs=0.15)


def _lone(seed):
    labels, (probabilities,) = coins(1, seed=seed)
    return labels, probabilities


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(METRICS))
def test_one_trial_flatters_nobody(seed, metric):
    labels, trials = coins(1, pictures=60, seed=seed)
    found = optimism(labels, trials, metric)
    assert found.best == pytest.approx(score(labels, trials[0], metric))
    assert found.corrected == pytest.approx(found.best, abs=0.03)
    assert (found.trials, found.pictures) == (1, 60)


def test_copies_of_one_trial_are_no_choice():
    labels, trials = coins(1)
    alone, copied = optimism(labels, trials, "accuracy"), optimism(labels, trials * 30, "accuracy")
    assert copied.corrected == pytest.approx(alone.corrected)
    assert copied.trials == 30


def test_a_trial_that_is_far_better_than_the_rest_needs_no_correction():
    labels, trials = coins(20)
    good = np.eye(2)[np.where(np.arange(100) < 95, labels, 1 - labels)]
    found = optimism(labels, [*trials, good], "accuracy")
    assert found.best == pytest.approx(0.95)
    assert found.corrected == pytest.approx(0.95, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(METRICS), st.randoms(use_true_random=False))
def test_the_order_of_the_trials_does_not_matter(seed, metric, random):
    labels, trials = coins(6, pictures=30, seed=seed)
    trials += [np.round(each) * 0.8 + 0.1 for each in trials]  # these have ties in everything
    found = optimism(labels, trials, metric)
    random.shuffle(trials)
    again = optimism(labels, trials, metric)
    assert dataclasses.astuple(again) == pytest.approx(dataclasses.astuple(found))


def test_more_trials_flatter_more():
    labels, trials = coins(64)
    gaps = [found.best - found.corrected for found in (optimism(labels, trials[:n], "accuracy") for n in (1, 8, 64))]
    assert gaps[0] < gaps[1] < gaps[2]


def test_nothing_is_known_without_trials_or_without_a_picture_to_leave_out():
    assert optimism(np.array([0, 1]), [], "accuracy") is None
    assert optimism(np.array([0]), [np.array([[0.9, 0.1]])], "accuracy") is None


def test_trials_are_read_one_at_a_time():
    labels, trials = coins(3)
    assert optimism(labels, iter(trials), "accuracy") == optimism(labels, trials, "accuracy")


def record(number, score=0.9, repeats=None):
    return TrialRecord(number, "complete", Candidate("speck", "plain", "none", 32, 0, 3), score, repeats=repeats)


def test_trials_without_whole_probabilities_are_left_out(tmp_path):
    folder = RunFolder(tmp_path)
    good = np.full((4, 2), 0.5, np.float32)
    for number, kept in ((1, good), (3, good[:3]), (4, np.full((4, 2), np.nan, np.float32))):
        folder.trial(number).mkdir(parents=True)
        np.save(folder.valid(number), kept)
    folder.trial(2).mkdir()
    folder.valid(2).write_bytes(folder.valid(1).read_bytes()[:-5])  # a crash cut it off
    found = list(kept_probabilities(folder, [record(number) for number in range(5)], (4, 2)))
    assert len(found) == 1
    np.testing.assert_array_equal(found[0], good)


def test_the_runs_of_a_recipe_have_a_mean_and_a_spread():
    records = [record(0, 0.7), record(4, 0.96), record(5, 0.93, repeats=4), record(6, 0.8), record(7, 0.95, repeats=4)]
    found = repetitions(records, [4, 5, 7])
    assert found.runs == (4, 5, 7)
    assert found.scores == (0.96, 0.93, 0.95)
    assert found.mean == pytest.approx(0.946667, abs=1e-6)
    assert found.again == pytest.approx(0.94)
    assert found.spread == pytest.approx(0.015275, abs=1e-6)


def test_a_recipe_that_ran_once_has_no_repetitions():
    assert repetitions([record(0), record(1)], [0]) is None
    assert repetitions([record(0)], []) is None
