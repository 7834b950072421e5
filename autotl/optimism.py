"""By how much the best validation score flatters because it is the best of many, and what repetitions say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.candidate import TrialRecord
from autotl.folder import RunFolder
from autotl.metrics import better
from autotl.resampling import Marks, drawn, middle

_DRAWS = 500
_DRAWS_OF_F1 = 200  # it is counted class by class, which costs more
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Optimism:
    """The best validation score of some trials, and what is left of it when choosing and scoring are kept apart.

    `low` and `high` bound 95% of the corrected scores of single draws.
    """

    best: float
    corrected: float
    low: float
    high: float
    trials: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Repetitions:
    """The runs of one recipe with different seeds: `runs` are numbers of trials, the one that was found first."""

    runs: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean score of all runs."""
        return fmean(self.scores)

    @property
    def spread(self) -> float:
        """The standard deviation of the scores over seeds."""
        return stdev(self.scores)

    @property
    def again(self) -> float:
        """The mean score of the runs after the first, which were not chosen for theirs."""
        return fmean(self.scores[1:])


def optimism(
    labels: NDArray[Any], predictions: Iterable[NDArray[Any]], metric: str, *, seed: int = 0
) -> Optimism | None:
    """Return how optimistic the best of some trials is, from their validation probabilities `(pictures, classes)`.

    Bootstrap bias correction (BBC-CV; Tsamardinos, Greasidou and Borboudakis 2018, Machine Learning 107): pictures
    are drawn with replacement, the best trial on these is scored on the pictures that were not drawn, and the mean over
    many draws is the corrected score. The choice of the best epoch inside a trial is not seen, so what is left is
    still a little optimistic. None when there is no trial, or too few pictures to leave any out.
    """
    predictions = iter(predictions)
    first = next(predictions, None)
    if first is None:
        return None
    marks = Marks.of(labels, chain([first], predictions))
    draws = _DRAWS_OF_F1 if metric == "macro_f1" else _DRAWS
    honest = np.concatenate([_left_out(marks, metric, times) for times in drawn(len(labels), draws, seed)])
    if not len(honest):
        return None
    everything = marks.scores(metric, np.ones((1, len(labels))))[0]
    best = everything.min() if metric == "log_loss" else everything.max()
    return Optimism(float(best), float(honest.mean()), *middle(honest), len(marks.guesses), len(labels))


def kept_probabilities(
    folder: RunFolder, records: Iterable[TrialRecord], shape: tuple[int, int]
) -> Iterator[NDArray[Any]]:
    """Yield the validation probabilities that trials kept; trials without any of this `shape` are left out."""
    for record in records:
        try:
            found = np.load(folder.valid(record.number), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            continue
        if found.shape == shape and np.isfinite(found).all():
            yield found


def repetitions(records: Iterable[TrialRecord], runs: Sequence[int]) -> Repetitions | None:
    """Return the runs of one recipe, given by number with the first in front; None when it ran once."""
    score = {record.number: record.score for record in records}
    scores = tuple(each for each in (score[run] for run in runs) if each is not None)
    return Repetitions(tuple(runs), scores) if len(scores) > 1 else None


def _left_out(marks: Marks, metric: str, times: NDArray[Any]) -> NDArray[np.float64]:
    """Return, draw by draw, the score on the pictures not drawn of the trial that was best on those drawn.

    Ties go to the lower log loss, as in the search; what is still tied counts by its mean, so that the order of the
    trials does not matter.
    """
    times = times[(times == 0).any(axis=1)]
    sign = 1.0 if better(1.0, 0.0, metric) else -1.0
    inside = sign * marks.scores(metric, times)
    tied = inside >= inside.max(axis=1, keepdims=True) - _SAME
    loss = np.where(tied, marks.scores("log_loss", times), np.inf)
    chosen = loss <= loss.min(axis=1, keepdims=True) + _SAME
    outside = marks.scores(metric, (times == 0).astype(np.float64))
    return np.asarray((outside * chosen).sum(axis=1) / chosen.sum(axis=1))
