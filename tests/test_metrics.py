from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.config import METRICS
from autotl.metrics import better, log_loss, score, scores


def drawn(seed, pictures=40, classes=3):
    generator = np.random.default_rng(seed)
    return generator.integers(0, classes, pictures), generator.dirichlet(np.ones(classes), pictures)


def test_scores_of_a_small_case_are_right():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.5 - 1e-9, 0.5]])
    found = scores(labels, probabilities)
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5]).mean(), abs=1e-6)


def test_every_metric_of_the_configuration_is_scored():
    assert tuple(scores(*drawn(0))) == METRICS


def test_larger_is_better_except_for_log_loss():
    assert better(0.9, 0.8, "accuracy")
    assert not better(0.8, 0.8, "accuracy")
    assert better(0.1, 0.2, "log_loss")
    assert not better(0.2, 0.1, "log_loss")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METRICS))
def test_no_guess_is_better_than_the_truth(seed, metric):
    labels, probabilities = drawn(seed)
    assert not better(score(labels, probabilities, metric), score(labels, np.eye(3)[labels], metric), metric)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METRICS))
def test_the_order_of_pictures_does_not_matter(seed, metric):
    labels, probabilities = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert score(labels[order], probabilities[order], metric) == pytest.approx(score(labels, probabilities, metric))


def test_classes_that_do_not_occur_do_not_count():
    labels, probabilities = np.array([0, 1, 1]), np.eye(3)[[0, 1, 1]]
    assert scores(labels, probabilities)["balanced_accuracy"] == 1.0
    assert scores(labels, probabilities)["macro_f1"] == 1.0


def test_a_sure_and_wrong_guess_costs_much_but_not_without_end():
    assert 20 < log_loss(np.array([0, 1]), np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)) < 40
