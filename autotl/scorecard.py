"""What is told of the winner in `metrics.json`: its scores, how sure they are, and how far validation flatters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.calibration import calibration_error
from autotl.candidate import to_plain
from autotl.metrics import scores
from autotl.optimism import kept_probabilities, optimism, repetitions
from autotl.resampling import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.candidate import TrialRecord
    from autotl.folder import RunFolder

_SOFTENED = ("log_loss", "calibration_error")


def scorecard(labels: NDArray[Any], raw: NDArray[Any], made: NDArray[Any]) -> dict[str, Any]:
    """Return the scores of a split with calibrated probabilities `made`, and `before` where `raw` ones differ.

    `labels` are class indices `(n,)`, `raw` and `made` `(n, classes)`.
    """
    before, after = measured(labels, raw), measured(labels, made)
    return {**after, "before": {name: before[name] for name in _SOFTENED}, "pictures": len(labels)}


def measured(labels: NDArray[Any], made: NDArray[Any]) -> dict[str, float]:
    """Return every score there is of probabilities `(n, classes)`, by name."""
    return {**scores(labels, made), "calibration_error": calibration_error(labels, made)}


def without(labels: NDArray[Any], made: NDArray[Any], places: Sequence[int]) -> dict[str, Any]:
    """Return the scores of a split less the pictures at some `places`: how many those are, how many remain."""
    kept = np.setdiff1d(np.arange(len(labels)), places)
    told = {"leaked": len(places), "pictures": len(kept)}
    return {**told, **scores(labels[kept], made[kept])} if len(kept) else told


def bounds(labels: NDArray[Any], made: NDArray[Any], metric: str, *, seed: int = 0) -> dict[str, Any]:
    """Return the 95% `intervals` of a split's scores, by name, and `interval`, that of the metric."""
    found = {name: list(pair) for name, pair in intervals(labels, made, seed=seed).items()}
    return {"interval": found[metric], "intervals": found}


def honesty(
    folder: RunFolder,
    records: Sequence[TrialRecord],
    runs: Sequence[int],
    labels: NDArray[Any],
    classes: int,
    metric: str,
    *,
    seed: int = 0,
) -> dict[str, Mapping[str, Any] | None]:
    """Return how far the validation score of the winner flatters: `optimism` by resampling, `repetitions` by seeds.

    `runs` are the numbers of all runs of its recipe, the first one in front. Each is None where nothing is known of it.
    """
    found = optimism(labels, kept_probabilities(folder, records, (len(labels), classes)), metric, seed=seed)
    again = repetitions(records, runs)
    told: dict[str, Mapping[str, Any] | None] = {"optimism": None, "repetitions": None}
    if found is not None:
        told["optimism"] = to_plain(found)
    if again is not None:
        told["repetitions"] = {**to_plain(again), "mean": again.mean, "spread": again.spread, "again": again.again}
    return told
