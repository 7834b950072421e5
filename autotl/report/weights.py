"""The weights of backbones, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.weights import Held


def table(rows: Sequence[Held]) -> Table:
    """Return a row for each backbone."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("backbone", no_wrap=True)
    made.add_column("weights", no_wrap=True)
    made.add_column("here", no_wrap=True)
    made.add_column("size", justify="right", no_wrap=True)
    made.add_column("file", overflow="fold")
    for row in rows:
        size = words.NOTHING if row.bytes is None else words.size(row.bytes)
        about = f"about {size}" if row.state == "missing" and row.bytes else size
        made.add_row(printable(row.backbone), printable(row.weights), _state(row), about, _file(row))
    return made


def _state(row: Held) -> Text:
    if row.state == "damaged":
        return Text("damaged", style="red")
    if row.state == "missing":
        return Text("no", style="red" if row.problem else "dim")
    sure = ", hash is right" if row.checked else ""
    return Text("comes with it" if row.state == "built in" else f"yes{sure}", style="green")


def _file(row: Held) -> Text:
    if row.problem:
        return Text(words.clean(row.problem), style="red")
    return Text(printable(row.file or words.NOTHING), style="dim")
