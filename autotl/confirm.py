"""Confirmation: the best few recipes run again with other seeds.

Of many trials, the best on few validation pictures is in part the luckiest; runs it was not chosen by tell more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autotl.candidate import Candidate, TrialRecord
from autotl.costs import Costs
from autotl.winner import RECIPES, first_runs

SHARE = 0.2  # of the time budget, at most
LONGER = 1.5
_FEWEST = 2  # one recipe alone has nobody to be compared with


@dataclass(frozen=True, slots=True)
class Repeat:
    """A run still to be made: the first run of its recipe, and the candidate with another seed."""

    first: TrialRecord
    candidate: Candidate


@dataclass(frozen=True)
class Confirmation:
    """Plans the further runs of a search's best recipes: with `seeds` other seeds, `places` runs at a time."""

    costs: Costs
    metric: str
    seeds: int
    places: int = 1

    def plan(self, records: Sequence[TrialRecord], seconds: float | None) -> list[Repeat]:
        """Return the runs to make, seed by seed: the fullest plan that fits into so many seconds, perhaps none.

        Without a limit (None) the best two are repeated. A probe is what it is with any seed.
        """
        most = _FEWEST if seconds is None else RECIPES
        shapes = [(most, self.seeds, LONGER), (most, self.seeds, 1.0), (_FEWEST, self.seeds, 1.0), (_FEWEST, 1, 1.0)]
        for recipes, seeds, longer in shapes if self.seeds else ():
            repeats = self._repeats(records, recipes, seeds, longer)
            if seconds is None or self.seconds(repeats) <= seconds:
                return repeats
        return []

    def seconds(self, repeats: Sequence[Repeat]) -> float:
        """Return how long these runs will take."""
        each = [self._expected(repeat) for repeat in repeats]
        return max(sum(each) / self.places, max(each, default=0.0))

    def _repeats(self, records: Sequence[TrialRecord], recipes: int, seeds: int, longer: float) -> list[Repeat]:
        first = first_runs(records, self.metric)[:recipes]
        if len(first) < _FEWEST:
            return []
        done = {(record.repeats, record.candidate.seed) for record in records}
        return [
            Repeat(run, replace(run.candidate, seed=seed, epochs=round(longer * run.candidate.epochs)))
            for seed in range(1, seeds + 1)
            for run in first
            if not run.probe and (run.number, seed) not in done
        ]

    def _expected(self, repeat: Repeat) -> float:
        predicted = self.costs.trial(repeat.candidate)
        if predicted is not None:
            return predicted
        rows = repeat.first.history
        return sum(row["seconds"] for row in rows) * repeat.candidate.epochs / len(rows)
