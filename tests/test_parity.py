from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.parity import Parity, Sample, _compared, objection
from autotl.parts import Tolerance

LOOSE = Tolerance(difference=1.0, agreement=0.9, drop=0.02)


def parity(**changed) -> Parity:
    equal = {"pictures": 200, "noise": False, "difference": 0.0, "agreement": 1.0, "accuracy": 0.9}
    return Parity(**{**equal, "keras_accuracy": 0.9, "milliseconds": 1.0, "milliseconds_one_thread": None, **changed})


@pytest.mark.parametrize(
    ("changed", "tolerance", "words"),
    [
        ({"difference": 2e-4}, Tolerance(), "probabilities differ by 0.0002, at most 0.0001 was expected"),
        ({"difference": float("nan")}, LOOSE, "probabilities differ by nan"),
        ({"agreement": 0.895}, LOOSE, "agrees with Keras on 89.5% of pictures, 90% was expected"),
        ({"accuracy": 0.875}, LOOSE, "accuracy falls by 0.025, at most 0.02 was expected"),
    ],
)
def test_what_strays_is_objected_to(changed, tolerance, words):
    assert words in objection(parity(**changed), tolerance)


@pytest.mark.parametrize(
    ("changed", "tolerance"),
    [
        ({"difference": 1e-4}, Tolerance()),
        ({"difference": 1.0, "agreement": 0.9, "accuracy": 0.88}, LOOSE),
        ({"accuracy": 1.0}, LOOSE),
        ({"accuracy": None, "keras_accuracy": None, "noise": True}, LOOSE),
        ({"pictures": 5, "agreement": 0.8, "accuracy": 0.7, "keras_accuracy": 0.9}, LOOSE),
    ],
    ids=["the limit", "all limits", "better than Keras", "noise", "one picture of few"],
)
def test_what_does_not_is_not(changed, tolerance):
    assert objection(parity(**changed), tolerance) == ""


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_a_model_is_at_one_with_itself(pictures, classes, seed):
    draw = np.random.default_rng(seed)
    answers = draw.dirichlet(np.ones(classes), pictures).astype(np.float32)
    sample = Sample(np.zeros((pictures, 1, 1, 3), np.uint8), answers, draw.integers(0, classes, pictures))
    found = _compared(sample, answers, 1.0, None)
    assert (found.difference, found.agreement) == (0.0, 1.0)
    assert found.accuracy == found.keras_accuracy
    assert objection(found, Tolerance(0.0, 1.0, 0.0)) == ""


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_tolerance_forgives_no_less(difference, agreement, accuracy):
    made = parity(difference=difference, agreement=agreement, accuracy=accuracy)
    strict, wide = Tolerance(0.1, 0.9, 0.02), Tolerance(0.2, 0.8, 0.04)
    assert not (objection(made, wide) and not objection(made, strict))
