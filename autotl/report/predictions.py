"""Predictions and evaluations as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.embed import Classical
    from autotl.evaluate import Evaluation
    from autotl.predict import Prediction

_BAR, _SURE, _LABEL, _GAP, _LEAST = 16, 6, 30, 2, 20  # columns
_UNREADABLE = "unreadable"
_CONFUSED = 20  # classes up to which the confusion matrix fits on a screen


def predictions(made: Sequence[Prediction], *, width: int, top: int | None = None) -> RenderableType:
    """Return a line per picture: path, label, confidence; with `top`, also the next likely classes.

    Pictures that could not be read follow, with the reason.
    """
    labels = [one.label or _UNREADABLE for one in made]
    label_room = min(_LABEL, max((cell_len(printable(label)) for label in labels), default=0))
    room = max(_LEAST, width - label_room - _BAR - _SURE - 3 * _GAP)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column("picture", no_wrap=True, overflow="ellipsis", max_width=room)
    table.add_column("label", no_wrap=True, overflow="ellipsis", min_width=5, max_width=max(5, label_room))
    table.add_column("", min_width=_BAR, max_width=_BAR)
    table.add_column("sure", no_wrap=True, justify="right", min_width=_SURE)
    for one in made:
        table.add_row(*_prediction(one, room))
        for label, probability in _others(one, top):
            table.add_row(
                "", Text(printable(label), style="dim"), _bar(probability, "dim"), _percent(probability, "dim")
            )
    problems = [Text(f"! {words.clean(one.problem)}", style="red") for one in made if one.problem]
    return Group(table, *problems)


def evaluation(done: Evaluation) -> RenderableType:
    """Return the scores, then each class, then which classes were taken for which."""
    shown: list[RenderableType] = [_metrics(done), Text(""), _per_class(done.per_class)]
    labels = done.classes
    if len(labels) <= _CONFUSED:
        shown += [Text(""), Text("true class by row, predicted class by column", style="dim")]
        shown.append(_confusion(labels, done.confusion))
    shown += [Text(f"! {words.clean(problem)}", style="red") for problem in done.problems]
    return Group(*shown)


def classical(rows: Sequence[Classical]) -> Table:
    """Return how classical algorithms fare on features, cross-validated."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("classifier", no_wrap=True)
    for heading in ("accuracy", "balanced accuracy", "macro F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.name, *(f"{value:.3f}" for value in (row.accuracy, row.balanced_accuracy, row.macro_f1)))
    return table


def _prediction(one: Prediction, room: int) -> list[RenderableType]:
    path = Text(_end(printable(one.path), room))
    if one.problem:
        return [path, Text(_UNREADABLE, style="red"), "", ""]
    sure = one.confidence
    style = "green" if sure >= 0.9 else "yellow" if sure >= 0.6 else "red"
    return [path, Text(printable(one.label), style="bold"), _bar(sure, style), _percent(sure, "")]


def _bar(probability: float, style: str) -> ProgressBar:
    return ProgressBar(total=1.0, completed=probability, width=_BAR, complete_style=style, finished_style=style)


def _percent(probability: float, style: str) -> Text:
    return Text(f"{probability:.1%}", style=style)


def _end(path: str, room: int) -> str:
    """Return the end of a path, for its end tells pictures apart."""
    return path if len(path) <= room else "..." + path[len(path) - room + 3 :]


def _others(one: Prediction, top: int | None) -> list[tuple[str, float]]:
    if top is None or one.problem:
        return []
    return list(one.probabilities.items())[1:top]


def _metrics(done: Evaluation) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in done.metrics.items():
        grid.add_row(Text(words.metric_name(name), style="dim"), Text(words.score(value), style="bold"))
    grid.add_row(Text("pictures", style="dim"), str(done.pictures))
    return grid


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


def _number(name: str, value: float) -> str:
    return f"{value:.0f}" if name == "support" else words.score(value)
