"""Exports beside Keras: how far each strays, how large and how fast it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.report import words

if TYPE_CHECKING:
    from autotl.export import Exported
    from autotl.parity import Parity

_HEADINGS = ("precision", "size", "difference", "agreement", "accuracy", "ms", "ms, 1 thread")


def exports(made: Sequence[Exported]) -> RenderableType:
    """Return a row for each export, then what it was compared on."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("format", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=True, justify="left" if heading == "precision" else "right")
    for one in made:
        table.add_row(*_row(one), style="" if one.accepted else "red")
    compared = next((one.parity for one in made if one.parity), None)
    shown: list[RenderableType] = [table]
    if compared:
        shown += [Text(""), Text(_told(compared), style="dim")]
    return Group(*shown)


def verdict(one: Exported) -> Text:
    """Return where an export lies and what speaks against it: one line, however long, for a path is copied whole."""
    if not one.objection:
        return Text(f"written: {words.clean(one.path)}")
    place = f"; it lies in {words.clean(one.path)}" if one.path else ""
    verb = "kept by --force" if one.accepted else "rejected"
    name = words.clean(f"{one.format} {one.precision}")
    return Text(f"! {name} {verb}: {words.clean(one.objection)}{place}", style="yellow" if one.accepted else "red")


def _row(one: Exported) -> list[str]:
    name, parity = words.clean(one.format), one.parity
    size = words.size(one.bytes) if one.path else words.NOTHING
    if parity is None:
        return [name, one.precision, size]
    return [
        name,
        one.precision,
        size,
        words.value(parity.difference),
        f"{parity.agreement:.1%}",
        words.score(parity.accuracy),
        words.milliseconds(parity.milliseconds),
        words.milliseconds(parity.milliseconds_one_thread),
    ]


def _told(parity: Parity) -> str:
    """Return what exports were compared on."""
    if parity.noise:
        return f"Compared with Keras on {parity.pictures} pictures of noise: there are no validation pictures here."
    pictures = words.plural(parity.pictures, "validation picture")
    return f"Compared with Keras on {pictures}, of which it has {words.score(parity.keras_accuracy)} right."
