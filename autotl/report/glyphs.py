"""The few signs the views draw with, and plainer ones for terminals that cannot show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; `bars` goes from low to high."""

    good: str = "✓"
    cut: str = "-"
    bad: str = "✗"
    dot: str = "·"
    bars: str = "▁▂▃▄▅▆▇█"
    turning: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

    def state(self, state: str) -> str:
        """Return the sign of a trial's state."""
        return {"complete": self.good, "pruned": self.cut}.get(state, self.bad)

    def spinner(self, now: float) -> str:
        """Return the sign of something under way, which turns as time passes."""
        return self.turning[int(now * 4) % len(self.turning)]

    def sparkline(self, numbers: Sequence[float], width: int) -> str:
        """Return the last `width` numbers as bars between their least and greatest."""
        shown = [number for number in numbers if math.isfinite(number)][-width:]
        if not shown:
            return ""
        low, high = min(shown), max(shown)
        if high == low:
            return self.bars[len(self.bars) // 2] * len(shown)
        top = len(self.bars) - 1
        return "".join(self.bars[round((number - low) / (high - low) * top)] for number in shown)


UNICODE = Glyphs()
ASCII = Glyphs(good="+", cut="-", bad="x", dot="-", bars="_.-=*#", turning="|/-\\")


def glyphs(console: Console) -> Glyphs:
    """Return the signs that `console` can show."""
    return ASCII if console.options.ascii_only else UNICODE
