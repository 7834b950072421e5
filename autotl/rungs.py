"""Which trials pause and which go on: asynchronous successive halving with promotion (Li et al. 2020, 1810.05934).

A trial that reports at a rung goes on when it is in the best third of all that have reached that rung, and is
paused when it is not. A paused one that is in the best third later, because worse ones came, is promoted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from autotl.candidate import TrialRecord

Standing = tuple[float, float]
FACTOR = 3
_LAST_SHARE = 0.75  # a rung later than this saves too little to be worth a judgement


def levels(epochs: int) -> tuple[int, ...]:
    """Return the epochs at which trials of so many epochs are judged: 3 of 10; 3, 9 and 27 of 60.

    Not before epoch 3, where there are 6: in the first the head learns alone, so no unfrozen layer has moved.
    """
    first = FACTOR if epochs >= 2 * FACTOR else 2
    powers = (first * FACTOR**power for power in range(20))
    return tuple(level for level in powers if level <= _LAST_SHARE * epochs)


def standing(rows: Iterable[Mapping[str, float]], metric: str) -> Standing:
    """Return how good the best of some epochs is, larger is better; ties in the score go to the lower loss."""
    sign = -1.0 if metric == "log_loss" else 1.0
    return max((sign * row["score"], -row.get("valid_loss", 0.0)) for row in rows)


class Rungs:
    """What is known of each rung: who has reached it, how good they were by then, and who waits there."""

    def __init__(self, epochs: int, metric: str) -> None:
        self.levels = levels(epochs)
        self._metric = metric
        self._reached: dict[int, dict[int, Standing]] = {level: {} for level in self.levels}
        self._paused: dict[int, int] = {}

    def recall(self, records: Iterable[TrialRecord]) -> None:
        """Take up the trials of an earlier session, in any order."""
        ended = [record for record in records if record.history and not record.probe and record.repeats is None]
        own = {record.number: record for record in ended}
        for record in ended:
            begun = 0 if record.continues not in own else len(own[record.continues].history)
            for level in self.levels:
                if begun < level <= len(record.history):
                    self._reached[level][record.number] = standing(record.history[:level], self._metric)
            if record.state == "pruned" and len(record.history) in self.levels:
                self._paused[record.number] = len(record.history)
        for record in ended:
            self._paused.pop(-1 if record.continues is None else record.continues, None)

    def report(self, number: int, rows: Sequence[Mapping[str, float]], *, spared: bool = False) -> bool:
        """Note the epochs of a trial so far; return whether it is to pause now. A spared one is judged, not paused."""
        level = len(rows)
        if level not in self.levels:
            return False
        self._reached[level][number] = standing(rows, self._metric)
        if spared or self._leads(number, level):
            return False
        self._paused[number] = level
        return True

    def promotable(self) -> list[int]:
        """Return the paused trials that are in the best third of their rung by now, furthest and best first."""

        def place(number: int) -> tuple[int, float, float]:
            score, loss = self._reached[self._paused[number]][number]
            return -self._paused[number], -score, -loss

        leading = [number for number, level in self._paused.items() if self._leads(number, level)]
        return sorted(leading, key=place)

    def waiting(self) -> list[int]:
        """Return all paused trials, the most hopeful first: nearest to the head of its rung, then furthest."""
        return sorted(self._paused, key=lambda number: (self._rank(number), -self._paused[number], number))

    def leave(self, number: int) -> None:
        """Note that a paused trial waits no more: it is continued, or cannot be; what it showed still counts."""
        self._paused.pop(number, None)

    def _leads(self, number: int, level: int) -> bool:
        reached = self._reached[level]
        better = sum(other > reached[number] for other in reached.values())
        return better < math.ceil(len(reached) / FACTOR)

    def _rank(self, number: int) -> float:
        """Return the share of those on a trial's rung that are better than it."""
        reached = self._reached[self._paused[number]]
        return sum(other > reached[number] for other in reached.values()) / len(reached)
