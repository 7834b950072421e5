"""An evaluation in tables: scores, classes, confusions, mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import scores, words

if TYPE_CHECKING:
    from autotl.evaluate import Evaluation, Mistake

_CONFUSED = 20  # classes up to which the confusion matrix fits on a screen
_PROBLEMS = 10  # told one by one


def evaluation(done: Evaluation) -> RenderableType:
    """Return the scores, each class, which were taken for which, the gravest mistakes, and what to know of the data."""
    told = {**done.metrics, "pictures": done.pictures, "intervals": done.intervals}
    shown: list[RenderableType] = [scores.alone("score", told), Text(""), _per_class(done.per_class)]
    if len(done.classes) <= _CONFUSED:
        shown += [Text(""), Text("true class by row, predicted class by column", style="dim")]
        shown.append(_confusion(done.classes, done.confusion))
    if done.mistakes:
        shown += [Text(""), Text("the most confident mistakes", style="dim"), _mistakes(done.mistakes)]
    notes = [Text(f"! {words.clean(warning)}", style="yellow") for warning in done.warnings]
    notes += [Text(f"! {words.clean(problem)}", style="red") for problem in done.problems[:_PROBLEMS]]
    if len(done.problems) > _PROBLEMS:
        notes.append(Text(f"! and {len(done.problems) - _PROBLEMS:,} more that cannot be read", style="red"))
    return Group(*shown, *([Text(""), *notes] if notes else []))


def _per_class(rows: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("class", overflow="fold")
    names = list(next(iter(rows.values()), {}))
    for name in names:
        table.add_column("pictures" if name == "support" else name, justify="right", no_wrap=True)
    for label, numbers in rows.items():
        cells = [_number(name, numbers[name]) for name in names]
        table.add_row(Text(printable(label)), *cells)
    return table


def _confusion(labels: Sequence[str], counts: Sequence[Iterable[int]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=24)
    for label in labels:
        table.add_column(Text(printable(label)), justify="right", overflow="ellipsis", no_wrap=True, min_width=3)
    for i, (label, row) in enumerate(zip(labels, counts, strict=True)):
        cells = [
            Text(str(number), style="green" if i == j else "red" if number else "dim") for j, number in enumerate(row)
        ]
        table.add_row(Text(printable(label)), *cells)
    return table


def _mistakes(made: Sequence[Mistake]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("picture", overflow="fold")
    for heading in ("class", "predicted"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("sure", justify="right", no_wrap=True)
    for each in made:
        table.add_row(*(Text(printable(text)) for text in (each.path, each.label, each.predicted)), f"{each.sure:.1%}")
    return table


def _number(name: str, value: float) -> str:
    return f"{value:.0f}" if name == "support" else words.score(value)
