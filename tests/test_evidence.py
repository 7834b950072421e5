from __future__ import annotations

import numpy as np
import pytest

from autotl.evidence import evidence, tinted

RNG = np.random.default_rng(0)


def test_of_a_linear_layer_on_the_average_it_is_the_class_activation_map():
    features, kernel = RNG.normal(size=(3, 5, 4, 6)), RNG.normal(size=(6, 2))
    found = evidence(features, np.array([0, 1, 0]), lambda rows: rows.mean(axis=(1, 2)) @ kernel)
    for picture, guess in enumerate((0, 1, 0)):
        activation = features[picture] @ (kernel[:, guess] - kernel[:, 1 - guess])
        assert np.corrcoef(found[picture].ravel(), activation.ravel())[0, 1] == pytest.approx(1.0)


def test_what_the_answer_does_not_rest_on_has_no_evidence():
    features = RNG.normal(size=(2, 4, 4, 3))
    found = evidence(features, np.array([0, 0]), lambda rows: rows[:, 1, 2, :2])  # sees one place alone
    places = np.argwhere(found != 0)
    assert {tuple(place[1:]) for place in places} == {(1, 2)}


def test_a_fine_map_is_looked_at_in_blocks_and_a_coarse_one_not_at_all():
    def logits(rows):
        return rows.mean(axis=(1, 2))

    assert evidence(RNG.normal(size=(1, 30, 28, 2)), np.array([0]), logits).shape == (1, 10, 14)
    assert evidence(RNG.normal(size=(1, 2, 7, 2)), np.array([0]), logits) is None


def test_certain_answers_are_finite():
    found = evidence(RNG.normal(size=(1, 3, 3, 2)) * 1e4, np.array([0]), lambda rows: rows.sum(axis=(1, 2)))
    assert np.isfinite(found).all()


def test_the_picture_is_orange_where_the_evidence_lies_and_grey_elsewhere():
    pixels = RNG.integers(0, 255, (40, 60, 3)).astype(np.uint8)
    found = np.zeros((4, 6))
    found[0, 0] = 2.0
    made = tinted(pixels, found)
    assert (made.shape, made.dtype) == (pixels.shape, np.uint8)
    red, _, blue = made[2, 2].astype(int)
    assert red - blue > 80
    assert np.ptp(made[30, 50]) == 0
