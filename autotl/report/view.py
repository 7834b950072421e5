"""Chooses how a search is shown: a live view in a terminal, plain lines in a pipe, nothing when told to be quiet."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console

from autotl import events

PIPE_WIDTH = 120  # columns of tables written to a file or a pipe, where nothing is known of the reader


class View(Protocol):
    """Shows a search while it runs; a context manager, so that the screen is left in order."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing, whatever happened."""
        ...

    def __call__(self, event: events.Event) -> None:
        """Take one event."""
        ...


class QuietView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        """Take one event, without a word."""


def terminal(*, stderr: bool = False) -> Console:
    """Return a console that prints strangers' words as they are: no markup, no emoji codes, no highlighting."""
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def view(console: Console, *, quiet: bool = False) -> View:
    """Return the view that fits `console`."""
    if quiet:
        return QuietView()
    if console.is_terminal and not console.is_dumb_terminal:
        from autotl.report.live import LiveView

        return LiveView(console)
    from autotl.report.plain import PlainView

    return PlainView(console.file)
