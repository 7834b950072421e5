from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from autotl.evaluate import by_class, confusion

answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(answers)
def test_what_is_told_of_each_class_is_what_scikit_learn_says(pairs):
    labels, guesses = np.array(pairs).T
    counts = confusion(labels, guesses, 4)
    assert counts.tolist() == confusion_matrix(labels, guesses, labels=np.arange(4)).tolist()
    expected = precision_recall_fscore_support(labels, guesses, labels=np.arange(4), zero_division=0)
    told = by_class("abcd", counts)
    for word, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([told[name][word] for name in "abcd"], column, err_msg=word)
