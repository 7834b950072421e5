"""Who wins: the recipe that is best on average over its runs, and of these the best run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from autotl.candidate import Candidate, TrialRecord, ranked

RECIPES = 3  # that may still win


@dataclass(frozen=True, slots=True)
class Winner:
    """The run whose weights are shipped, and the numbers of all runs of its recipe, the first one in front."""

    best: TrialRecord
    runs: tuple[int, ...]


def winner(records: Sequence[TrialRecord], metric: str) -> Winner | None:
    """Return who wins, None when no trial is complete.

    It is the recipe with the best mean score among those that were confirmed with other seeds, and the probes,
    which know no chance; or the best recipe itself, if that was neither.
    """
    recipes = [runs(first, records) for first in first_runs(records, metric)]
    if not recipes:
        return None
    rivals = [recipe for recipe in recipes if _is_confirmed(recipe)] if _is_confirmed(recipes[0]) else recipes[:1]
    chosen = max(rivals, key=lambda recipe: _mean(recipe, metric))
    return Winner(ranked(chosen, metric)[0], tuple(record.number for record in chosen))


def first_runs(records: Sequence[TrialRecord], metric: str) -> list[TrialRecord]:
    """Return the complete trials that repeat no other, best first."""
    return [record for record in ranked(records, metric) if record.state == "complete" and record.repeats is None]


def runs(first: TrialRecord, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return all runs of a recipe, the first one in front; of its repetitions those that were not cut short."""
    whole = [each for each in records if each.repeats == first.number and each.state == "complete" and not each.reason]
    return [first, *whole]


def kin(best: TrialRecord, records: Sequence[TrialRecord], metric: str) -> list[int]:
    """Return the complete trials of the same network as the best one, best first: their weights may be averaged."""
    return [
        record.number
        for record in ranked(records, metric)
        if record.state == "complete" and _network(record.candidate) == _network(best.candidate)
    ]


def may_win(records: Sequence[TrialRecord], metric: str) -> set[int]:
    """Return the trials whose weights may still be wanted: the runs of the winner, and of the best few recipes."""
    chosen = winner(records, metric)
    best = first_runs(records, metric)[:RECIPES]
    return {run.number for first in best for run in runs(first, records)} | {*(chosen.runs if chosen else ())}


def _is_confirmed(recipe: Sequence[TrialRecord]) -> bool:
    return len(recipe) > 1 or recipe[0].probe


def _mean(recipe: Sequence[TrialRecord], metric: str) -> tuple[float, float]:
    """Return the mean score of some runs and their mean log loss, both so that larger is better."""
    sign = -1.0 if metric == "log_loss" else 1.0
    score = mean(sign * (run.score or 0.0) for run in recipe)
    return score, -mean(run.metrics.get("log_loss", 0.0) for run in recipe)


def _network(candidate: Candidate) -> tuple[object, ...]:
    head = sorted(candidate.of("head", candidate.head).items())
    return candidate.backbone, candidate.image_size, candidate.unfrozen_layers, candidate.head, tuple(head)
