"""How a pretraining is shown: one bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.pretrain.training import Told

_LINE_SECONDS = 30.0


@contextmanager
def watching(console: Console) -> Iterator[Callable[[Told], None]]:
    """Yield what is to be called with each `Told`."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[left]}"))
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    said = -math.inf

    with progress:
        task = progress.add_task("pretraining", total=1.0, left="")

        def tell(told: Told) -> None:
            nonlocal said
            progress.update(task, description=_figures(told), completed=told.share, left=_left(told))
            if not console.is_terminal and time.monotonic() - said > _LINE_SECONDS:
                said = time.monotonic()
                console.print(f"{_figures(told)}, {told.share:.0%}{_left(told)}", markup=False, highlight=False)

        yield tell


def _figures(told: Told) -> str:
    figures = [printable(told.what)]
    if told.steps:
        figures.append(f"step {told.steps}")
    if math.isfinite(told.loss):
        figures.append(f"loss {told.loss:.3f}")
    # below 0 is worse than knowing nothing: so it is while the statistics of BatchNorm are young
    figures += [f"{printable(name.replace('_', ' '))} {max(value, 0.0):.3f}" for name, value in told.held.items()]
    return ", ".join(figures)


def _left(told: Told) -> str:
    if told.share < 0.01:
        return ""
    return f" {words.span(told.seconds * (1 - told.share) / told.share)} left"
