"""Where a model looks: which places of a feature map speak for the class that it predicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 3  # places along a side below which a map shows nothing
_TINT, _COVER = np.array([255.0, 140.0, 20.0]), 0.7
_MOST = 14  # places along a side that are hidden one by one; of a finer map, blocks of them


def evidence(
    features: NDArray[Any], guesses: NDArray[np.int64], logits: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[np.float64] | None:
    """Return how much each place speaks for the predicted class: `(pictures, rows, columns)`, in log-odds.

    `features` are `(pictures, height, width, channels)`, `guesses` `(pictures,)`; `logits` is what the head makes of
    features. Place by place, features are replaced with their mean over all pictures, and what the class loses
    counts. This takes no gradients, so it is the same on every backend; for a linear layer on the average of
    features it is the class activation map of Zhou et al. 2016 (https://arxiv.org/abs/1512.04150) but for a constant.
    None where the map is too coarse to show anything.
    """
    _, height, width, _ = features.shape
    if min(height, width) < LEAST:
        return None
    tall, wide = -(-height // _MOST), -(-width // _MOST)
    neutral = features.mean(axis=(0, 1, 2))
    whole = _odds(logits(features), guesses)
    found = np.zeros((len(features), -(-height // tall), -(-width // wide)))
    for row in range(found.shape[1]):
        for column in range(found.shape[2]):
            hidden = features.copy()
            hidden[:, row * tall : (row + 1) * tall, column * wide : (column + 1) * wide] = neutral
            found[:, row, column] = whole - _odds(logits(hidden), guesses)
    return found


def tinted(pixels: NDArray[np.uint8], found: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return a picture `(height, width, 3)` in grey, orange where the evidence `(rows, columns)` lies."""
    from PIL import Image

    height, width, _ = pixels.shape
    strength = np.clip(found, 0.0, None) / max(float(found.max()), 1e-9)
    light = Image.fromarray(strength.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(light), 0.0, 1.0)[..., None]
    grey = np.clip(20 + 0.8 * pixels.mean(axis=-1, keepdims=True), 0, 255)  # of a black picture, too, it is seen
    return np.asarray(np.rint(grey * (1 - _COVER * share) + _TINT * _COVER * share), np.uint8)


def _odds(logits: NDArray[Any], guesses: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log-odds of the predicted class against all others together."""
    rows, values = np.arange(len(guesses)), np.asarray(logits, np.float64)
    others = values.copy()
    others[rows, guesses] = -np.inf
    return np.asarray(values[rows, guesses] - np.logaddexp.reduce(others, axis=1))
