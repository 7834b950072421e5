"""How well classes can be told apart by one linear layer, or by nearest neighbours: both cross-validated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.errors import TrialError
from autotl.metrics import log_loss

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # of the fit against the penalty; on three small sets the best lay in the middle
NEIGHBOURS = 10
_FOLDS, _FEW_FOLDS, _MANY_ROWS = 5, 3, 1000
_MOST_ROWS, _PRODUCTS = 4000, 2e8  # a pass over these takes one core 20 ms; all folds and strengths some 300 passes
_ONE_THREAD = 2e9  # products of one pass, up to which threads cost more than they gain
_FLOOR = 0.01  # of the mean spread: a feature that hardly ever moves would be blown up by standardising
_NEVER = -30.0  # the logit of a class without a training picture

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
OnFold = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Linear:
    """One linear layer: `kernel` (features, classes) and `bias` (classes), float32, standardising included."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return `(rows, classes)` from features `(rows, features)`."""
        logits = (rows @ self.kernel + self.bias).astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What cross-validation found: the best strength, and what each method said of pictures it was not fitted on.

    `rows` are those that took part; `linear` and `neighbours` are probabilities `(rows, classes)`.
    """

    strength: float
    rows: NDArray[np.int64]
    linear: NDArray[np.float32]
    neighbours: NDArray[np.float32]


def few_threads(products: int) -> AbstractContextManager[object]:
    """Keep passes of so many products on one thread: on a busy machine, waiting threads made them 16 times slower."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1 if products <= _ONE_THREAD else None)
    return limits


def fit(rows: NDArray[Any], labels: NDArray[Any], classes: int, strengths: Sequence[float]) -> Iterator[Linear]:
    """Yield logistic regressions on standardised features, one for each strength, each going on from the last."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    spread = np.maximum(spread, _FLOOR * spread.mean() or 1.0)
    standard = ((rows - mean) / spread).astype(np.float32)
    model = LogisticRegression(max_iter=100, tol=1e-3, warm_start=True)
    present = np.unique(labels)
    for strength in strengths:
        kernel, bias = np.zeros((rows.shape[1], classes)), np.full(classes, _NEVER)
        bias[present] = 0.0
        if len(present) > 1:
            model.set_params(C=strength)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what has not converged after so many steps is good enough here
                model.fit(standard, labels)
            weights, offset = model.coef_, model.intercept_
            if len(present) == 2:  # one column tells two classes apart: half of it for each
                weights, offset = np.concatenate([-weights, weights]) / 2, np.concatenate([-offset, offset]) / 2
            kernel[:, present] = weights.T / spread[:, None]
            bias[present] = offset - mean @ kernel[:, present]
        yield Linear(kernel.astype(np.float32), bias.astype(np.float32))


def cross_validate(
    rows: NDArray[Any],
    labels: NDArray[Any],
    classes: int,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    on_fold: OnFold = lambda done, total: None,
) -> Verdict:
    """Try each strength, and nearest neighbours, on folds of some rows; the lowest log loss chooses the strength.

    `rows` are features `(pictures, features)`; pictures of one of the `groups` stay in one fold. Of many pictures
    a sample is taken. Raises TrialError when no class has two pictures.
    """
    chosen = sample(labels, _room(rows.shape[1], classes), seed)
    rows, labels = rows[chosen], labels[chosen]
    folds = _folds(labels, None if groups is None else [groups[i] for i in chosen], seed)
    said = np.zeros((len(STRENGTHS), len(rows), classes), np.float32)
    neighbours = np.zeros((len(rows), classes), np.float32)
    with few_threads(rows.size * classes):
        for done, (others, held) in enumerate(folds, 1):
            for place, model in enumerate(fit(rows[others], labels[others], classes, STRENGTHS)):
                said[place, held] = model.probabilities(rows[held])
            neighbours[held] = _vote(rows[others], labels[others], rows[held], classes)
            on_fold(done, len(folds))
    best = min(range(len(STRENGTHS)), key=lambda place: log_loss(labels, said[place]))
    return Verdict(STRENGTHS[best], chosen, said[best], neighbours)


def _vote(rows: NDArray[Any], labels: NDArray[Any], asked: NDArray[Any], classes: int) -> NDArray[np.float32]:
    """Return the shares of each class among the nearest rows by angle, no share being quite 0."""
    from sklearn.neighbors import KNeighborsClassifier

    count = int(np.clip(len(rows) // (2 * classes), 1, NEIGHBOURS))
    model = KNeighborsClassifier(count, metric="cosine", algorithm="brute").fit(rows, labels)
    votes = np.zeros((len(asked), classes), np.float32)
    votes[:, model.classes_] = model.predict_proba(asked) * count
    return np.asarray((votes + 1 / classes) / (count + 1), np.float32)


def _folds(labels: NDArray[Any], groups: Sequence[str] | None, seed: int) -> list[Fold]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    smallest = min(len(np.unique(units[labels == label])) for label in np.unique(labels))
    count = max(2, min(smallest, _FOLDS if len(labels) <= _MANY_ROWS else _FEW_FOLDS))
    if np.bincount(labels).max() < 2:
        raise TrialError("No class has two training pictures, so nothing can be cross-validated.")
    grouped = groups is not None and len(np.unique(units)) > 1
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class with a single picture, which is in one fold alone
        pairs = list(kind(count, shuffle=True, random_state=seed).split(labels, labels, units if grouped else None))
    return [(others, held) for others, held in pairs if len(others) and len(held)]


def _room(features: int, classes: int) -> int:
    """Return how many rows cross-validation can afford: some of each class at least."""
    return max(min(_MOST_ROWS, int(_PRODUCTS / (features * classes))), 5 * classes)


def sample(labels: NDArray[Any], most: int, seed: int) -> NDArray[np.int64]:
    """Return at most `most` rows, ascending, with the share of each class that it has in all."""
    if len(labels) <= most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(order)) - starts[labels[order]]
    share = np.where(rank < 2, -1.0, (rank + 0.5) / counts[labels[order]])  # two of each class come first
    return np.sort(order[np.argsort(share, kind="stable")[:most]])
