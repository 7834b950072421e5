from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.errors import TrialError
from autotl.metrics import score
from autotl.transfer import linear
from autotl.transfer.linear import cross_validate, fit


def clusters(rng, counts: tuple[int, ...], *, features: int = 12, apart: float = 2.0):
    """Return rows around one centre per class, far from the origin and of different spreads, and their labels."""
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = rng.normal(size=(len(counts), features)) * apart
    rows = (centres[labels] + rng.normal(size=(len(labels), features))) * np.logspace(-0.5, 0.5, features) + 7
    return rows.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 5])
def test_the_layer_says_what_the_standardised_regression_says(rng, classes):
    from sklearn.linear_model import LogisticRegression

    rows, labels = clusters(rng, (30,) * classes, apart=0.7)
    (layer,) = fit(rows, labels, classes, [0.1])
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    expected = LogisticRegression(C=0.1, max_iter=100, tol=1e-3).fit(standard, labels).predict_proba(standard)
    np.testing.assert_allclose(layer.probabilities(rows), expected, atol=0.01)
    assert (layer.kernel.shape, layer.bias.shape) == ((12, classes), (classes,))


def test_classes_that_can_be_told_apart_are_told_apart_on_pictures_not_fitted_on(rng):
    rows, labels = clusters(rng, (40, 30, 20))
    verdict = cross_validate(rows, labels, 3)
    np.testing.assert_array_equal(verdict.rows, np.arange(90))
    assert score(labels, verdict.linear, "accuracy") > 0.95
    assert score(labels, verdict.neighbours, "accuracy") > 0.8


def test_labels_without_a_meaning_give_a_score_of_chance(rng):
    rows, labels = clusters(rng, (60, 60), features=200)
    labels = rng.permutation(labels)  # which 200 features can learn by heart
    verdict = cross_validate(rows, labels, 2)
    assert 0.3 < score(labels, verdict.linear, "accuracy") < 0.7


def test_a_weak_signal_among_many_features_wants_a_strong_penalty(rng):
    rows, labels = clusters(rng, (60, 60), features=400, apart=0.05)
    assert cross_validate(rows, labels, 2).strength < linear.STRENGTHS[-1]


def test_pictures_of_one_group_never_face_each_other(rng):
    groups = np.arange(240) // 12
    labels = groups % 2
    own = rng.normal(size=(20, 50))  # the pictures of a group look like each other, and say nothing of the class
    rows = (own[groups] + 0.01 * rng.normal(size=(240, 50))).astype(np.float32)
    apart = cross_validate(rows, labels, 2, groups=[str(group) for group in groups])
    mixed = cross_validate(rows, labels, 2)
    assert score(labels, mixed.neighbours, "accuracy") > 0.95
    assert score(labels, apart.neighbours, "accuracy") < 0.8


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(0, 4))
def test_however_few_pictures_a_class_has_every_one_is_judged_once(counts, seed):
    rng = np.random.default_rng(seed)
    rows, labels = clusters(rng, tuple(counts))
    groups = [str(group) for group in rng.integers(0, 4, len(labels))]
    for given_groups in (None, groups):
        if max(counts) < 2:
            with pytest.raises(TrialError, match="two training pictures"):
                cross_validate(rows, labels, len(counts), groups=given_groups)
            continue
        verdict = cross_validate(rows, labels, len(counts), groups=given_groups, seed=seed)
        for said in (verdict.linear, verdict.neighbours):
            np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-5)


def test_a_class_without_a_row_is_never_said(rng):
    rows, labels = clusters(rng, (10, 10))
    (layer,) = fit(rows, labels * 2, 3, [1.0])
    assert layer.probabilities(rows)[:, 1].max() < 1e-6


def test_a_feature_that_never_moves_does_no_harm(rng):
    rows, labels = clusters(rng, (20, 20))
    rows[:, 3] = 5.0
    (layer,) = fit(rows, labels, 2, [1.0])
    moved = rows.copy()
    moved[:, 3] += 0.5
    assert score(labels, layer.probabilities(moved), "accuracy") > 0.9


def test_of_many_pictures_a_sample_with_the_same_shares_takes_part(rng, monkeypatch):
    monkeypatch.setattr(linear, "_MOST_ROWS", 100)
    rows, labels = clusters(rng, (600, 290, 10))
    verdict = cross_validate(rows, labels, 3, groups=[str(i) for i in range(900)])
    assert len(np.unique(verdict.rows)) == len(verdict.linear) == 100
    np.testing.assert_allclose(np.bincount(labels[verdict.rows]), [66, 32, 2], atol=2)
    again = cross_validate(rows, labels, 3, groups=[str(i) for i in range(900)])
    np.testing.assert_array_equal(again.linear, verdict.linear)
