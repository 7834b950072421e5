"""Scores on pictures drawn anew, many draws at once: bootstrap intervals, and what choosing the best is worth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.config import METRICS

_BLOCK = 2_000_000  # draws times pictures held in memory at once


@dataclass(frozen=True, eq=False)
class Marks:
    """What one or more models made of the same pictures, as little as their scores need.

    `labels` `(pictures,)`; `guesses` and `losses` (minus the log of the right class's probability)
    `(models, pictures)`.
    """

    labels: NDArray[np.int64]
    guesses: NDArray[np.int64]
    losses: NDArray[np.float64]
    classes: int

    @classmethod
    def of(cls, labels: NDArray[Any], predictions: Iterable[NDArray[Any]]) -> Marks:
        """Read the marks of models from their probabilities `(pictures, classes)`, one model after another."""
        guesses, losses = [], []
        for probabilities in predictions:
            clean = np.clip(probabilities.astype(np.float64), 1e-12, 1.0)
            right = clean[np.arange(len(labels)), labels] / clean.sum(axis=1)
            guesses.append(probabilities.argmax(axis=1))
            losses.append(-np.log(right))
            classes = probabilities.shape[1]
        return cls(labels.astype(np.int64), np.stack(guesses).astype(np.int64), np.stack(losses), classes)

    def scores(self, metric: str, times: NDArray[Any]) -> NDArray[np.float64]:
        """Return `(draws, models)` scores as `metrics.score` gives them for pictures that count several times.

        `times` `(draws, pictures)` says how often each picture counts; each draw needs one at least.
        """
        if metric == "log_loss":
            return _mean(times, self.losses)
        hits = (self.guesses == self.labels).astype(np.float64)
        if metric == "accuracy":
            return _mean(times, hits)
        of_class = self._by_class(times, self.labels)
        if metric == "balanced_accuracy":
            recalls = times / np.maximum(of_class, 1)[:, self.labels]
            return _mean(recalls, hits)
        return np.stack([self._macro_f1(times, of_class, *each) for each in zip(self.guesses, hits, strict=True)], 1)

    def _macro_f1(
        self, times: NDArray[Any], of_class: NDArray[Any], guesses: NDArray[Any], hits: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return the mean over classes that occur or were guessed of the harmonic mean of precision and recall."""
        either = of_class + self._by_class(times, guesses)
        right = self._by_class(times * hits, self.labels)
        return np.asarray((2 * right / np.maximum(either, 1)).sum(axis=1) / (either > 0).sum(axis=1))

    def _by_class(self, times: NDArray[Any], classes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return `(draws, classes)`: how many pictures of each class a draw has."""
        draws = len(times)
        places = np.arange(draws)[:, None] * self.classes + classes
        counts = np.bincount(places.ravel(), weights=times.ravel(), minlength=draws * self.classes)
        return counts.reshape(draws, self.classes).astype(np.float64, copy=False)


def drawn(pictures: int, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield blocks `(some draws, pictures)`: how often each picture comes when as many are drawn with replacement."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, size := max(_BLOCK // pictures, 1)):
        rows = [generator.integers(0, pictures, pictures) for _ in range(min(size, draws - start))]
        yield np.stack([np.bincount(row, minlength=pictures) for row in rows]).astype(np.float64)


def intervals(
    labels: NDArray[Any], probabilities: NDArray[Any], *, draws: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return a 95% bootstrap interval of each score over pictures (percentiles of the scores of drawn sets)."""
    marks = Marks.of(labels, [probabilities])
    found: dict[str, list[NDArray[Any]]] = {metric: [] for metric in METRICS}
    for times in drawn(len(labels), draws, seed):
        for metric, scores in found.items():
            scores.append(marks.scores(metric, times)[:, 0])
    return {metric: middle(np.concatenate(scores)) for metric, scores in found.items()}


def middle(scores: NDArray[Any]) -> tuple[float, float]:
    """Return the bounds of the middle 95% of some scores."""
    low, high = np.percentile(scores, (2.5, 97.5))
    return float(low), float(high)


def _mean(weights: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of each row of values under each row of weights: `(weights, values)`."""
    mean = (weights @ values.T) / weights.sum(axis=1, keepdims=True)
    return np.asarray(np.minimum(mean, values.max(axis=1)))  # rounding may make a perfect score more than perfect
