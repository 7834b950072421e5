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
    from sklearn import metrics

    guesses = probabilities.argmax(axis=1)
    present = np.unique(labels)
    recalls = [float((guesses[labels == label] == label).mean()) for label in present]
    return {
        "accuracy": float(metrics.accuracy_score(labels, guesses)),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(metrics.f1_score(labels, guesses, average="macro", zero_division=0)),
        "log_loss": log_loss(labels, probabilities),
    }


def log_loss(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the mean negative log of the probability given to the right class."""
    from sklearn import metrics

    clean = np.clip(probabilities.astype(np.float64), 1e-12, 1.0)
    clean /= clean.sum(axis=1, keepdims=True)
    return float(metrics.log_loss(labels, clean, labels=np.arange(clean.shape[1])))


def interval(
    labels: NDArray[Any], probabilities: NDArray[Any], metric: str, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return a 95% bootstrap interval of a score over pictures (percentiles of resampled sets)."""
    from scipy import stats

    def score(rows: NDArray[Any]) -> float:
        rows = rows.astype(int)
        return scores(labels[rows], probabilities[rows])[metric]

    if len(labels) < 2:
        value = scores(labels, probabilities)[metric]
        return value, value
    drawn = stats.bootstrap(
        (np.arange(len(labels)),),
        score,
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
