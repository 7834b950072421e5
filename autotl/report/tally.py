"""How many pictures got which label, and how fast."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.predict import Prediction

ABSTAINED, UNREADABLE = "abstained", "unreadable"
_CLASSES, _PROBLEMS = 20, 10  # told by name


@dataclass
class Tally:
    """Counts predictions by label; of those that could not be read, it keeps the first few reasons."""

    labels: Counter[str] = field(default_factory=Counter)
    abstained: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, one: Prediction) -> None:
        """Count one more."""
        if one.problem:
            self.unreadable += 1
            self.problems += [one.problem] if len(self.problems) < _PROBLEMS else []
        elif one.label is None:
            self.abstained += 1
        else:
            self.labels[one.label] += 1

    @property
    def pictures(self) -> int:
        """All of them."""
        return self.labels.total() + self.abstained + self.unreadable


def tally(counted: Tally, seconds: float) -> RenderableType:
    """Return a line for each label, the most frequent first, where there is more than one picture; then the speed."""
    rate = f"{counted.pictures / max(seconds, 1e-3):,.0f} a second"
    speed = (
        f"{counted.pictures:,} {'picture' if counted.pictures == 1 else 'pictures'} in {words.span(seconds)}, {rate}"
    )
    shown: list[RenderableType] = [_table(counted), Text("")] if counted.pictures > 1 else []
    return Group(Text(""), *shown, Text(speed, style="dim"), *_problems(counted))


def _table(counted: Tally) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("label", overflow="ellipsis", no_wrap=True)
    table.add_column("pictures", justify="right")
    table.add_column("share", justify="right")
    common = counted.labels.most_common()
    rows = [(Text(printable(name)), number) for name, number in common[:_CLASSES]]
    others = {
        f"{len(common) - _CLASSES} other labels": sum(number for _, number in common[_CLASSES:]),
        ABSTAINED: counted.abstained,
        UNREADABLE: counted.unreadable,
    }
    rows += [(Text(name, style="dim"), number) for name, number in others.items() if number]
    for name, number in rows:
        table.add_row(name, f"{number:,}", f"{number / counted.pictures:.1%}")
    return table


def _problems(counted: Tally) -> list[Text]:
    told = [Text(f"! {words.clean(problem)}", style="red") for problem in counted.problems]
    more = counted.unreadable - len(counted.problems)
    return [*told, Text(f"! and {more:,} more that cannot be read", style="red")] if more else told
