"""Greedy soup: one network whose weights are the mean of those of several trials of one architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotl.metrics import better, scores
from autotl.trained import set_values
from autotl.transfer.rows import rows_at
from autotl.trial import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.transfer.workshop import Workshop

Weights = list["NDArray[Any]"]
Load = Callable[[int], Weights]
Judge = Callable[[Weights], dict[str, float]]
_SAME = 1e-6  # what rounding may make of equal weights


@dataclass(frozen=True, eq=False)
class Soup:
    """The mean weights of some trials, and its scores on validation."""

    members: tuple[int, ...]
    weights: Weights
    scores: dict[str, float]


def greedy(kin: Sequence[int], load: Load, judge: Judge, metric: str) -> Soup:
    """Return the greedy soup of trials given best first (Wortsman et al. 2022, arXiv 2203.05482).

    Each trial is stirred in if the mean with it is no worse on validation: the score does not fall, and where it
    stays the log loss does not rise. `load` returns the weights of a trial, `judge` the scores of weights.
    Averaging needs trials in one valley of the loss. Trials of other seeds start from other heads, and their mean
    may be worse than each of them; then the greedy rule keeps the first alone.
    """
    weights = load(kin[0])
    soup = Soup((kin[0],), weights, judge(weights))
    for number in kin[1:]:
        count = len(soup.members)
        pairs = zip(soup.weights, load(number), strict=True)
        mean = [(kept * (count / (count + 1)) + new / (count + 1)).astype(kept.dtype) for kept, new in pairs]
        scores = judge(mean)
        if not _worse(scores, soup.scores, metric):
            soup = Soup((*soup.members, number), mean, scores)
    return soup


def stir(workshop: Workshop, candidate: Candidate, kin: Sequence[int], load: Load) -> Soup:
    """Return the greedy soup of trials, judged on the validation features that the trials themselves were scored on."""
    step, labels = workshop.step(candidate), workshop.features.labels
    fit = step.together or step.alone
    rows = rows_at(workshop, step.network, fit.tap, candidate, plain=True)

    def judge(weights: Weights) -> dict[str, float]:
        set_values(step.variables, weights)
        return scores(labels[rows.valid], softmax(rows.logits(fit.trainee.model)))

    return greedy(kin, load, judge, workshop.config.metric)


def _worse(scores: dict[str, float], than: dict[str, float], metric: str) -> bool:
    for name in (metric, "log_loss"):
        if abs(scores[name] - than[name]) > _SAME:
            return better(than[name], scores[name], name)
    return False
