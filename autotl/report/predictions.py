"""Predictions and evaluations as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autotl.report import words

if TYPE_CHECKING:
    from autotl.predict import Evaluation, Prediction

_BAR = 16  # columns
_CONFUSED = 20  # classes up to which the confusion matrix fits on a screen
_COLUMNS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


def predictions(made: Sequence[Prediction], top: int | None = None) -> Table:
    """Return a line per picture: path, label, confidence; with `top`, also the next likely classes."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("picture", overflow="ellipsis", no_wrap=True, ratio=1)
    table.add_column("label", no_wrap=True)
    table.add_column("confidence", no_wrap=True, justify="right")
    table.add_column("", min_width=_BAR, max_width=_BAR)
    for one in made:
        table.add_row(*_prediction(one))
        for label, probability in _others(one, top):
            table.add_row("", Text(words.clean(label), style="dim"), Text(f"{probability:.1%}", style="dim"), "")
    return table


def evaluation(done: Evaluation) -> RenderableType:
    """Return the scores, then each class, then which classes were taken for which."""
    shown: list[RenderableType] = [_metrics(done), Text(""), _per_class(done.per_class)]
    labels = list(done.per_class)
    if len(labels) <= _CONFUSED:
        shown += [Text(""), Text("true class by row, predicted class by column", style="dim")]
        shown.append(_confusion(labels, done.confusion))
    shown += [Text(f"! {words.clean(problem)}", style="red") for problem in done.problems]
    return Group(*shown)


def _prediction(one: Prediction) -> list[RenderableType]:
    path = Text(words.clean(one.path))
    if one.problem:
        return [path, Text(words.clean(one.problem), style="red"), "", ""]
    sure = one.confidence or 0.0
    style = "green" if sure >= 0.9 else "yellow" if sure >= 0.6 else "red"
    bar = ProgressBar(total=1.0, completed=sure, width=_BAR, complete_style=style, finished_style=style)
    return [path, Text(words.clean(one.label), style="bold"), Text(f"{sure:.1%}"), bar]


def _others(one: Prediction, top: int | None) -> list[tuple[str, float]]:
    if top is None or one.problem:
        return []
    likely = sorted(one.probabilities.items(), key=lambda pair: -pair[1])
    return likely[1:top]


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
        table.add_column(name, justify="right", no_wrap=True)
    for label, numbers in rows.items():
        cells = [_number(numbers[name]) for name in names]
        table.add_row(Text(words.clean(label)), *cells)
    return table


def _confusion(labels: Sequence[str], counts: Sequence[Iterable[int]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=24)
    for label in labels:
        table.add_column(Text(words.clean(label)), justify="right", overflow="ellipsis", no_wrap=True, min_width=3)
    for i, (label, row) in enumerate(zip(labels, counts, strict=True)):
        cells = [
            Text(str(number), style="green" if i == j else "red" if number else "dim") for j, number in enumerate(row)
        ]
        table.add_row(Text(words.clean(label)), *cells)
    return table


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else words.score(value)
