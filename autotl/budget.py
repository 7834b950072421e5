"""The budget of a search: how much of its time and its trials is left, and what still fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from autotl.candidate import TrialRecord

if TYPE_CHECKING:
    from autotl.config import SearchConfig

_SHARE, _MOST = 0.1, 20.0


class Budget:
    """What a search may use; `elapsed()` is what its run has used so far, in seconds, over all its sessions.

    `reserve` seconds at the end belong to the finish. Until its cost is known they are a tenth, 20 at most.
    """

    def __init__(self, config: SearchConfig, elapsed: Callable[[], float]) -> None:
        self.seconds, self.trials = config.seconds, config.trials
        self.elapsed = elapsed
        self.reserve = 0.0 if self.seconds is None else min(_SHARE * self.seconds, _MOST)

    def left(self) -> float:
        """Return the seconds left before the finish must begin; infinite without a limit, less than 0 when late."""
        return math.inf if self.seconds is None else self.seconds - self.reserve - self.elapsed()

    def fits(self, seconds: float) -> bool:
        """Return whether something of that length can end before the finish must begin."""
        return 0.0 < self.left() >= seconds

    def counts(self, records: Iterable[TrialRecord], running: int = 0) -> bool:
        """Return whether the number of trials allows another proposal, besides those ended and `running`."""
        return self.trials is None or running + fresh(records) < self.trials

    def spent(self, records: Iterable[TrialRecord]) -> bool:
        """Return whether no further proposal may begin."""
        return self.left() <= 0 or not self.counts(records)


def fresh(records: Iterable[TrialRecord]) -> int:
    """Return how many trials were proposals of their own: no probes, continuations, repetitions, or untrained ones."""
    return sum(
        not record.probe and not record.over and record.continues is None and record.repeats is None
        for record in records
    )
