"""What the feature store holds, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from autotl.report import words

if TYPE_CHECKING:
    from autotl.transfer.store import Entry


def kept(entries: Sequence[Entry], now: float) -> Table:
    """Return the entries with their size, and how long ago each was used; `now` is in epoch seconds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("used", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for entry in entries:
        what = ", ".join(f"{name} {_short(value)}" for name, value in entry.about.items())
        ago = words.span(max(0.0, now - entry.used))
        table.add_row(words.size(entry.bytes), f"{ago} ago", Text(words.clean(what)))
    return table


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) > 40 else text
