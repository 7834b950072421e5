"""A progress bar for the commands that do one long thing; it is seen on a terminal only and wipes itself away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autotl.printable import printable


@contextmanager
def bar(console: Console, what: str, *, hidden: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (done, total)."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    seen = console.is_terminal and not hidden
    progress = Progress(*columns, console=console, transient=True, disable=not seen)
    with progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def bytes_bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function to call with (name, bytes, bytes in all or 0), for one download after the other."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress:
        task = progress.add_task("weights", total=None)
        yield lambda name, done, total: progress.update(
            task, description=printable(name), completed=done, total=total or None
        )
