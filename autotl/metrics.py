"""Scores of predictions, all from scikit-learn, and which way is better."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def better(score: float, than: float, metric: str) -> bool:
    """Return whether a score beats another: larger is better, except for log loss."""
    return score < than if metric == "log_loss" else score > than


def scores(labels: NDArray[Any], probabilities: NDArray[Any]) -> dict[str, float]:
    """Return accuracy, balanced accuracy, macro F1 and log loss.

    `labels` are class indices `(n,)`, `probabilities` `(n, classes)`. Classes that do not occur among the
    labels count neither for balanced accuracy nor for macro F1, unless they were predicted.
    """
    return {metric: score(labels, probabilities, metric) for metric in _SCORES}


def score(labels: NDArray[Any], probabilities: NDArray[Any], metric: str) -> float:
    """Return one of the scores; shapes as in `scores`."""
    return _SCORES[metric](labels, probabilities)


def log_loss(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the mean negative log of the probability given to the right class."""
    from sklearn import metrics

    clean = np.clip(probabilities.astype(np.float64), 1e-12, 1.0)
    clean /= clean.sum(axis=1, keepdims=True)
    return float(metrics.log_loss(labels, clean, labels=np.arange(clean.shape[1])))


def _accuracy(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    from sklearn import metrics

    return float(metrics.accuracy_score(labels, probabilities.argmax(axis=1)))


def _balanced_accuracy(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    from sklearn import metrics

    guesses, present = probabilities.argmax(axis=1), np.unique(labels)  # its own balanced accuracy warns of absent ones
    return float(metrics.recall_score(labels, guesses, labels=present, average="macro", zero_division=0))


def _macro_f1(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    from sklearn import metrics

    return float(metrics.f1_score(labels, probabilities.argmax(axis=1), average="macro", zero_division=0))


_SCORES = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "log_loss": log_loss,
}
