"""Which part is to blame when trials fail: one that fails three times in a row, and never worked, is set aside."""

from __future__ import annotations

from collections import Counter

from autotl.candidate import TrialRecord
from autotl.proposals import KINDS

FAILURES_IN_A_ROW = 3
Culprit = tuple[str, str]


class Blame:
    """Counts failures in a row of each part, as (kind, name)."""

    def __init__(self) -> None:
        self._in_a_row: Counter[Culprit] = Counter()
        self._succeeded: set[Culprit] = set()

    def count(self, record: TrialRecord) -> list[Culprit]:
        """Note how a trial ended and return the parts that have now failed too often."""
        parts = [(kind, str(getattr(record.candidate, kind))) for kind in KINDS]
        if record.state == "failed":
            self._in_a_row.update(parts)
            return [part for part in parts if self._in_a_row[part] == FAILURES_IN_A_ROW and part not in self._succeeded]
        if record.history or record.probe:  # else its time was up before it had begun
            self._succeeded.update(parts)
            self._in_a_row.subtract({part: self._in_a_row[part] for part in parts})
        return []
