"""How far confidences can be believed, and one temperature that makes them more so.

Temperature scaling and the calibration error are those of Guo et al. 2017, "On Calibration of Modern Neural
Networks" (arXiv 1706.04599): logits are divided by one positive number, so no prediction changes, only its confidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in the paper
LOWEST, HIGHEST = 0.05, 20.0
_FOLDS = 5
_GOLDEN = (math.sqrt(5) - 1) / 2
_STEPS = 25  # each narrows the bounds by the golden ratio: to less than a thousandth of the temperature
_ENOUGH = 4000  # pictures for one number
_SMALLEST = 1e-38  # of a probability, about where float32 ends


def temperature(labels: NDArray[Any], probabilities: NDArray[Any], *, seed: int = 0) -> float:
    """Return what to divide the logits by: above 1 softens confidences, below 1 sharpens them.

    `labels` are class indices `(n,)`, `probabilities` `(n, classes)` those of the model as it is. The answer is 1
    unless a temperature fitted to four fifths of the pictures lowers the log loss of the others.
    """
    order = np.random.default_rng(seed).permutation(len(labels))[:_ENOUGH]
    labels, logits = labels[order], _log(probabilities[order])
    folds = np.arange(len(labels)) % _FOLDS
    before = after = 0.0
    for fold in range(min(_FOLDS, len(labels))):
        out = folds == fold
        if not out.all():
            before += out.sum() * _loss(labels[out], logits[out])(1.0)
            after += out.sum() * _loss(labels[out], logits[out])(_fit(labels[~out], logits[~out]))
    return _fit(labels, logits) if after < before else 1.0


def calibrated(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities `(n, classes)` of the same model with its logits divided by a temperature."""
    logits = _log(probabilities)
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def calibration_error(labels: NDArray[Any], probabilities: NDArray[Any], bins: int = BINS) -> float:
    """Return the expected calibration error, 0 to 1: how far confidence and accuracy lie apart, on average.

    Pictures are put in equal bins by the probability of their predicted class, and each bin counts by its pictures.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    gap = (probabilities.argmax(axis=1) == labels) - confidence
    places = _places(confidence, bins)
    return float(np.abs(np.bincount(places, weights=gap, minlength=bins)).sum() / len(labels))


@dataclass(frozen=True, slots=True)
class Bin:
    """The `pictures` whose confidence lies between two bounds: its mean, and how many of them are right, 0 to 1."""

    confidence: float
    accuracy: float
    pictures: int


def reliability(labels: NDArray[Any], probabilities: NDArray[Any], bins: int = BINS) -> list[Bin]:
    """Return what a reliability diagram shows: equal bins of confidence, from low to high, empty ones left out."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    places = _places(confidence, bins)
    found = [places == place for place in np.unique(places)]
    return [Bin(float(confidence[each].mean()), float(right[each].mean()), int(each.sum())) for each in found]


def _places(confidence: NDArray[Any], bins: int) -> NDArray[Any]:
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1))


def _fit(labels: NDArray[Any], logits: NDArray[Any]) -> float:
    """Return the temperature of the lowest loss, by golden-section search over its logarithm.

    The loss counts, besides the n pictures, that one more in n + 2 may turn out to be of the runner-up's class
    (Laplace's rule, as in Platt 1999). Else a model that is right on a few pictures would be made to be sure of all.
    """
    of_temperature = _loss(labels, logits, 1.0 / (len(labels) + 2))

    def loss(place: float) -> float:
        return of_temperature(math.exp(place))

    low, high = math.log(LOWEST), math.log(HIGHEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)


def _loss(labels: NDArray[Any], logits: NDArray[Any], doubt: float = 0.0) -> Callable[[float], float]:
    """Return the mean log loss by temperature; `doubt` is the share of each picture given to the runner-up's class."""
    rows, shifted = np.arange(len(labels)), logits - logits.max(axis=1, keepdims=True)
    right = shifted[rows, labels].mean()
    if doubt:
        others = shifted.copy()
        others[rows, labels] = -np.inf
        right = (1 - doubt) * right + doubt * others.max(axis=1).mean()

    def loss(temperature: float) -> float:
        return float(np.log(np.exp(shifted / temperature).sum(axis=1)).mean() - right / temperature)

    return loss


def _log(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST)))
