"""What `autotl check` tells: the findings by gravity, each with what to do, and, if wished, every file's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words

if TYPE_CHECKING:
    from autotl.data import Dataset, Finding
    from autotl.data.finding import Gravity

STYLES: dict[Gravity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}


def checked(dataset: Dataset, *, files: bool = False) -> RenderableType:
    """Return all that a check found; with `files`, the names of all files below each finding.

    Names are longer than lines at times: to be printed without cropping.
    """
    shown: list[RenderableType] = [Text(words.pictures(dataset), style="bold"), Text("")]
    for finding in dataset.findings:
        shown += [_told(finding), *(_names(finding) if files else [])]
    return Group(*shown, *[Text("")][: len(dataset.findings)], Text(_verdict(dataset.findings)))


def _told(finding: Finding) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=max(map(len, STYLES)))
    table.add_column(overflow="fold")
    dim = "dim" if finding.gravity == "note" else ""
    table.add_row(Text(finding.gravity, style=STYLES[finding.gravity]), Text(words.clean(finding.message), style=dim))
    table.add_row("", Text(words.clean(finding.advice), style=dim or "cyan"))
    return table


def _names(finding: Finding) -> list[Text]:
    rows = [" = ".join(map(printable, names)) for names in finding.sets] or [*map(printable, finding.files)]
    return [Text(f"    {row}", no_wrap=True, overflow="ignore") for row in rows]


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.gravity for finding in findings)
    told = ", ".join(words.plural(counts[gravity], gravity) for gravity in STYLES if counts[gravity])
    return f"{words.plural(len(findings), 'finding')}{f' ({told})' if told else ''}. The data can be searched."
