"""What the feature store holds, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.transfer.store import Entry


def kept(entries: Sequence[Entry], now: float) -> Table:
    """Return a row for entries that differ in views or pictures alone; `now` is in epoch seconds.

    Last used comes first.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("size", "entries", "used"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: -entry.used):
        groups.setdefault(describe(entry.about), []).append(entry)
    for what, group in groups.items():
        ago = words.span(max(0.0, now - group[0].used))
        total = words.size(sum(entry.bytes for entry in group))
        table.add_row(total, str(len(group)), f"{ago} ago", Text(printable(what)))
    return table


def describe(about: Mapping[str, Any]) -> str:
    """Return what an entry holds, in a few words: "features of mobilenet_v2 at 224 px, all layers frozen"."""
    said = [str(about.get("what", "something"))]
    if "backbone" in about:
        said[0] += f" of {about['backbone']}"
    if "size" in about:
        said[0] += f" at {about['size']} px"
    if "unfrozen_layers" in about:
        layers = about["unfrozen_layers"]
        said.append(f"top {layers} layers unfrozen" if layers else "all layers frozen")
    if about.get("augmentation", "none") != "none":
        said.append(str(about["augmentation"]))
    return ", ".join(said)
