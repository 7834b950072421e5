"""Predictions as lines, few or many, and how classical algorithms fare as a table."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report.tally import ABSTAINED, UNREADABLE, Tally, tally

if TYPE_CHECKING:
    from autotl.embed import Classical
    from autotl.predict import Prediction

SHOWN = 30  # pictures on a terminal
_BAR, _SURE, _LABEL, _LEAST = 16, 6, 30, 20  # columns
_GAP = "  "


class Sheet:
    """A line for each picture, of which a terminal gets the first few in the end, a pipe each as it comes; a tally.

    With `top`, the next likely classes follow each.
    """

    def __init__(self, console: Console, top: int | None = None) -> None:
        self.console, self.top = console, top
        self.tally, self.seconds = Tally(), 0.0
        self._first: list[Prediction] = []
        self._lines: Lines | None = None

    def fill(self, made: Iterable[Prediction], classes: Sequence[str]) -> None:
        """Take all predictions; to a terminal, where a progress bar may be, nothing is printed yet."""
        began = time.perf_counter()
        self._lines = lines = Lines.of(self.console, classes, self.top)
        if not self.console.is_terminal:
            self._print([lines.heading()])
        for one in made:
            self.tally.add(one)
            if not self.console.is_terminal:
                self._print(lines.about(one))
            elif len(self._first) < SHOWN:
                self._first.append(one)
        self.seconds = time.perf_counter() - began

    def end(self) -> None:
        """Print what is not printed yet, and the tally."""
        if self._first and self._lines:
            lines = self._lines.narrowed(self._first)
            self._print([lines.heading(), *(line for one in self._first for line in lines.about(one))])
            left = self.tally.pictures - len(self._first)
            if left:
                self._print([Text(f"and {left:,} more; --csv FILE writes them all", style="dim")])
        self.console.print(tally(self.tally, self.seconds))

    def _print(self, lines: Iterable[Text]) -> None:
        for line in lines:
            self.console.print(line, no_wrap=True, overflow="ellipsis")


@dataclass(frozen=True, slots=True)
class Lines:
    """Writes the lines of predictions into columns: `path` and `label` are the widths of those."""

    path: int
    label: int
    sign: str
    top: int | None = None

    @classmethod
    def of(cls, console: Console, classes: Sequence[str], top: int | None = None) -> Lines:
        """Return lines as wide as a console, for labels among `classes`."""
        longest = max(cell_len(printable(name)) for name in (*classes, ABSTAINED, UNREADABLE))
        label = min(_LABEL, longest)
        path = max(_LEAST, console.width - label - _BAR - _SURE - 3 * len(_GAP))
        return cls(path, label, "=" if console.options.ascii_only else "━", top)

    def narrowed(self, made: Iterable[Prediction]) -> Lines:
        """Return lines no wider than some predictions need."""
        longest = max(cell_len(printable(one.path)) for one in made)
        return dataclasses.replace(self, path=min(self.path, max(longest, len("picture"))))

    def heading(self) -> Text:
        """Return the line above all others."""
        columns = ("picture".ljust(self.path), "label".ljust(self.label), " " * _BAR, "sure".rjust(_SURE))
        return Text(_GAP.join(columns), style="bold")

    def about(self, one: Prediction) -> list[Text]:
        """Return the line of a picture; with `top`, also those of the next likely classes."""
        if one.problem:
            return [self._line(one.path, UNREADABLE, "red")]
        style = "green" if one.confidence >= 0.9 else "yellow" if one.confidence >= 0.6 else "red"
        label, emphasis = (ABSTAINED, "dim") if one.label is None else (one.label, "bold")
        line = self._line(one.path, label, emphasis, one.confidence, style)
        others = list(one.probabilities.items())[0 if one.abstained else 1 : self.top] if self.top else []
        return [line, *(self._line("", name, "dim", share, "dim") for name, share in others)]

    def _line(self, path: str, label: str, emphasis: str, share: float | None = None, style: str = "") -> Text:
        line = Text(set_cell_size(_end(printable(path), self.path), self.path) + _GAP)
        line.append(_fitted(printable(label), self.label), emphasis)
        if share is None:
            line.rstrip()
            return line
        line.append(_GAP + set_cell_size(self.sign * round(share * _BAR), _BAR), style)
        line.append(f"{_GAP}{share:>{_SURE}.1%}", "dim" if emphasis == "dim" else "")
        return line


def classical(rows: Sequence[Classical]) -> Table:
    """Return how classical algorithms fare on features, cross-validated."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("classifier", no_wrap=True)
    for heading in ("accuracy", "balanced accuracy", "macro F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.name, *(f"{value:.3f}" for value in (row.accuracy, row.balanced_accuracy, row.macro_f1)))
    return table


def _end(path: str, room: int) -> str:
    """Return the end of a path, for its end tells pictures apart."""
    if cell_len(path) <= room:
        return path
    end = path[-(room - 3) :]
    while cell_len(end) > room - 3:
        end = end[1:]
    return "..." + end


def _fitted(label: str, room: int) -> str:
    """Return a label as wide as its column."""
    return set_cell_size(label if cell_len(label) <= room else set_cell_size(label, room - 1) + "…", room)
