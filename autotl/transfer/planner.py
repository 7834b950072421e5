"""Where to keep features: by what computing and reading them costs, and by how much of the disk they may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from autotl.transfer.cuts import Cut

READ = 5e8  # bytes a second from a warm memory map into a batch, measured on two cores: 0.4 to 1.2e9
PACE = 5e-3  # seconds per picture of a forward pass, as long as none was measured
_ENTRY_SHARE = 0.25  # of the quota, that one entry may have
_EXTRA_SHARE = 0.05  # of the quota, that what a pass yields by the way may have
_BYTES = 2  # half precision


@dataclass(frozen=True)
class Plan:
    """What the planner knows: pictures, passes over them, the disk quota in bytes, seconds per forward pass."""

    pictures: int
    epochs: int
    quota: int
    pace: float | None = None

    def cached(self, cuts: Sequence[Cut], unfrozen: Cut) -> Cut:
        """Return the cut at or below `unfrozen` whose features make a trial cheapest; the pixels are always one.

        `cuts` go from the output down. A cut costs its forward pass once, and in each epoch the reading of its rows
        and the frozen layers between it and the unfrozen ones. Early feature maps can be larger than the picture:
        then a lower cut is cheaper, in the end the pixels. What is in the store already makes no difference, so
        that a trial computes the same whatever ran before it.
        """
        below = [unfrozen, *(cut for cut in cuts if cut.unfrozen_layers > unfrozen.unfrozen_layers)]
        fits = [cut for cut in below[:-1] if self._bytes(cut) <= _ENTRY_SHARE * self.quota]
        return min([*fits, below[-1]], key=lambda cut: self._seconds(cut, unfrozen))

    def extras(self, offered: Sequence[Cut], below: Cut) -> list[Cut]:
        """Return the offered cuts above `below` that are kept because a pass yields them anyway, the top ones first."""
        kept: list[Cut] = []
        left = _EXTRA_SHARE * self.quota
        for cut in offered:
            left -= self._bytes(cut)
            if cut.unfrozen_layers < below.unfrozen_layers and left >= 0:
                kept.append(cut)
        return kept

    def _seconds(self, cut: Cut, unfrozen: Cut) -> float:
        pace = 4.0 ** round(log(self.pace or PACE, 4))  # the choice must not hang on the noise of a measurement
        every = (cut.work - unfrozen.work) * pace + self._bytes(cut) / self.pictures / READ
        return (1.0 - cut.work) * pace + self.epochs * every

    def _bytes(self, cut: Cut) -> int:
        return _BYTES * cut.size * self.pictures
