from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.config import METRICS
from autotl.metrics import score, scores
from autotl.resampling import Marks, drawn, intervals


def made(seed, pictures=40, classes=3):
    generator = np.random.default_rng(seed)
    return generator.integers(0, classes, pictures), generator.dirichlet(np.ones(classes), pictures)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 6), st.sampled_from(METRICS))
def test_pictures_that_count_several_times_score_as_if_they_were_there_several_times(seed, pictures, classes, metric):
    labels, first = made(seed, pictures, classes)
    second = made(seed + 1, pictures, classes)[1]
    times = np.random.default_rng(seed).integers(0, 4, (5, pictures))
    times[:, 0] += 1
    found = Marks.of(labels, [first, second]).scores(metric, times)
    for draw, row in zip(times, found, strict=True):
        rows = np.repeat(np.arange(pictures), draw)
        expected = [score(labels[rows], probabilities[rows], metric) for probabilities in (first, second)]
        assert row == pytest.approx(expected)


def test_as_many_pictures_are_drawn_as_there_are_and_each_draw_differs():
    blocks = np.concatenate(list(drawn(30, 100, seed=0)))
    assert blocks.shape == (100, 30)
    assert (blocks.sum(axis=1) == 30).all()
    assert len({tuple(block) for block in blocks}) == 100
    left_out = (blocks == 0).mean()
    assert left_out == pytest.approx((1 - 1 / 30) ** 30, abs=0.02)


def test_many_pictures_are_drawn_in_blocks_that_hold_what_one_would(monkeypatch):
    whole = np.concatenate(list(drawn(30, 10, seed=0)))
    monkeypatch.setattr("autotl.resampling._BLOCK", 90)
    blocks = list(drawn(30, 10, seed=0))
    assert [len(block) for block in blocks] == [3, 3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_the_intervals_hold_the_scores_and_are_the_same_each_time():
    labels, probabilities = made(5, pictures=200)
    found = intervals(labels, probabilities, draws=100)
    assert tuple(found) == METRICS
    for metric, value in scores(labels, probabilities).items():
        assert found[metric][0] < value < found[metric][1]
    assert intervals(labels, probabilities, draws=100) == found
    assert intervals(labels, probabilities, draws=100, seed=1) != found


def test_the_interval_of_accuracy_is_as_wide_as_the_binomial_says():
    labels = np.zeros(400, int)
    probabilities = np.eye(2)[(np.arange(400) < 100).astype(int)]
    low, high = intervals(labels, probabilities)["accuracy"]
    width = 2 * 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert high - low == pytest.approx(width, rel=0.15)


def test_the_interval_of_one_picture_is_its_score():
    found = intervals(np.array([1]), np.array([[0.2, 0.8]]), draws=10)
    assert found["accuracy"] == found["balanced_accuracy"] == found["macro_f1"] == (1.0, 1.0)
    assert found["log_loss"] == pytest.approx((-np.log(0.8),) * 2)
