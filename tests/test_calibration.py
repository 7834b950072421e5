from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.calibration import HIGHEST, LOWEST, calibrated, calibration_error, reliability, temperature
from autotl.metrics import log_loss, scores
from autotl.trial import softmax


def drawn(seed, pictures=2000, classes=4, spread=2.0):
    """Return labels drawn from the very probabilities of some logits, and these: calibrated by construction."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, spread, (pictures, classes))
    truth = softmax(logits).cumsum(axis=1)
    labels = (generator.random((pictures, 1)) > truth).sum(axis=1)
    return np.minimum(labels, classes - 1), logits


@pytest.mark.parametrize("wrong", [0.3, 0.6, 1.7, 4.0])
def test_the_temperature_that_was_put_in_is_found(wrong):
    labels, logits = drawn(1)
    assert temperature(labels, softmax(logits * wrong)) == pytest.approx(wrong, rel=0.1)


def test_calibration_lowers_the_loss_and_the_error_of_pictures_it_was_not_fitted_to():
    labels, logits = drawn(2, pictures=4000)
    sure = softmax(logits * 3)
    fitted = temperature(labels[:2000], sure[:2000])
    after = calibrated(sure[2000:], fitted)
    assert log_loss(labels[2000:], after) < 0.8 * log_loss(labels[2000:], sure[2000:])
    assert calibration_error(labels[2000:], after) < 0.05 < 0.1 < calibration_error(labels[2000:], sure[2000:])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(LOWEST, HIGHEST))
def test_no_prediction_changes(seed, heat):
    probabilities = softmax(drawn(seed, pictures=50)[1]).astype(np.float32)
    made = calibrated(probabilities, heat)
    assert (made.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    np.testing.assert_allclose(made.sum(axis=1), 1)


def test_it_is_the_softmax_of_the_logits_divided():
    logits = drawn(3, pictures=30)[1]
    np.testing.assert_allclose(calibrated(softmax(logits), 1.7), softmax(logits / 1.7), rtol=1e-9)
    np.testing.assert_allclose(calibrated(softmax(logits), 1.0), softmax(logits), rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.floats(0.1, 10))
def test_the_temperature_is_within_its_bounds_however_few_the_pictures(seed, pictures, sharp):
    labels, logits = drawn(seed, pictures=pictures)
    assert LOWEST <= temperature(labels, softmax(logits * sharp)) <= HIGHEST


def test_one_picture_teaches_nothing():
    assert temperature(np.array([1]), np.array([[0.9, 0.1]])) == 1.0


def test_what_does_not_help_pictures_left_out_is_left_alone():
    labels = np.zeros(10, int)
    probabilities = np.tile([0.9, 0.1], (10, 1))
    probabilities[3] = [0.1, 0.9]  # nine of ten right at 0.9: what is left of them without some says otherwise
    assert temperature(labels, probabilities) == 1.0
    probabilities[5:9] = [0.1, 0.9]
    assert temperature(labels, probabilities) > 2.0


def test_a_calibrated_model_stays_as_it_is():
    labels, logits = drawn(5, pictures=4000)
    assert temperature(labels, softmax(logits)) == pytest.approx(1.0, abs=0.1)


def test_a_model_that_is_right_on_a_few_pictures_is_not_made_sure_of_everything():
    """With n of n right, the next is right with a probability of about (n + 1) / (n + 2), not 1."""
    labels = np.arange(40) % 2
    probabilities = np.where(np.eye(2)[labels] == 1, 0.8, 0.2)
    made = calibrated(probabilities, temperature(labels, probabilities))
    assert made.max(axis=1) == pytest.approx(41 / 42, abs=1e-3)


def test_probabilities_that_float32_rounds_to_nothing_do_no_harm():
    labels, logits = drawn(6, pictures=300)
    sure = softmax(logits * 200).astype(np.float32)
    assert (sure == 0).any()
    fitted = temperature(labels, sure)
    assert np.isfinite(calibrated(sure, fitted)).all()
    assert log_loss(labels, calibrated(sure, fitted)) < log_loss(labels, sure)


def test_the_calibration_error_of_a_small_case_is_right():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.35, 0.65]])
    labels = np.array([0, 1, 1, 1])  # confidence 0.9 twice, right once; 0.6 and 0.65, in bins of their own, right
    assert calibration_error(labels, probabilities) == pytest.approx((2 * 0.4 + 0.4 + 0.35) / 4)
    assert calibration_error(labels, probabilities, bins=1) == pytest.approx(abs(0.75 - 0.7625))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 100))
def test_the_calibration_error_is_at_least_the_gap_between_confidence_and_accuracy(seed, pictures):
    labels, logits = drawn(seed, pictures=pictures)
    probabilities = softmax(logits)
    gap = abs(probabilities.max(axis=1).mean() - scores(labels, probabilities)["accuracy"])
    assert gap - 1e-12 <= calibration_error(labels, probabilities) <= 1


def test_a_model_that_is_sure_and_right_has_no_calibration_error():
    assert calibration_error(np.array([0, 1]), np.eye(2)) == 0.0
    assert calibration_error(np.array([1, 0]), np.eye(2)) == 1.0


def test_a_reliability_diagram_tells_of_every_picture_once_and_of_the_calibration_error():
    rng = np.random.default_rng(4)
    rows, labels = rng.dirichlet((1, 1, 1), 200), rng.integers(0, 3, 200)
    bins = reliability(labels, rows)
    assert sum(each.pictures for each in bins) == 200
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)
    gaps = sum(each.pictures * abs(each.accuracy - each.confidence) for each in bins)
    assert gaps / 200 == pytest.approx(calibration_error(labels, rows))
