"""Tables of trials: one leaderboard for the live view, the final report and the `leaderboard` command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from autotl.candidate import TrialRecord
from autotl.printable import printable
from autotl.report import words
from autotl.report.glyphs import UNICODE, Glyphs

_STYLES = {"complete": "", "pruned": "dim", "failed": "red"}
_MARKS = {"complete": "green", "pruned": "yellow", "failed": "red"}
_LEFT = ("backbone", "head", "augmentation", "augment", "state", "")


@dataclass(frozen=True, slots=True)
class Style:
    """One way to set the table: headings, spaces between columns, and whether words or signs are used."""

    headings: tuple[str, ...]
    gap: int
    wordy: bool


_SHORT = ("", "trial", "score", "backbone", "layers", "head", "augment", "rate", "ep", "time", "")
_LONG = ("rank", "trial", "score", "backbone", "unfrozen layers", "head", "augmentation", "learning rate")
STYLES = (
    Style((*_LONG, "epochs", "seconds", "state"), gap=2, wordy=True),
    Style(_SHORT, gap=2, wordy=False),
    Style(_SHORT, gap=1, wordy=False),
)


def leaderboard(
    records: Sequence[TrialRecord], *, width: int, limit: int | None = None, glyphs: Glyphs = UNICODE
) -> Table:
    """Return ranked records as a table for `width` columns, the first `limit` of them.

    `records` come best first, as `SearchResult.leaderboard` gives them. The roomiest style that fits is taken.
    """
    shown = records[:limit]
    for style in STYLES:
        rows = [_row(rank, record, style, glyphs) for rank, record in enumerate(shown, start=1)]
        if _width(style, rows) <= width:
            break
    table = Table(box=None, padding=(0, style.gap, 0, 0), pad_edge=False, header_style="bold", expand=True)
    for heading in style.headings:
        text = heading in ("backbone", "head", "augment")
        table.add_column(
            heading,
            justify="left" if heading in _LEFT else "right",
            no_wrap=True,
            overflow="ellipsis",
            min_width=7 if text else max(1, len(heading)),
        )
    for record, row in zip(shown, rows, strict=True):
        table.add_row(*row, style=_STYLES[record.state])
    return table


def _row(rank: int, record: TrialRecord, style: Style, glyphs: Glyphs) -> list[Text]:
    candidate = record.candidate
    placed = record.state == "complete"
    emphasis = "bold green" if placed and rank == 1 else "bold" if placed else ""
    return [
        Text(str(rank) if placed else "", style=emphasis),
        Text(str(record.number)),
        Text(words.score(record.score), style=emphasis),
        Text(printable(candidate.backbone)),
        Text(str(candidate.unfrozen_layers)),
        Text(printable(candidate.head)),
        Text(printable(candidate.augmentation)),
        Text("probe" if record.probe else words.learning_rate(candidate), style="cyan" if record.probe else ""),
        Text(words.NOTHING if record.probe else str(len(record.history))),
        Text(f"{record.seconds:.1f}" if style.wordy else words.span(record.seconds)),
        Text(words.state(record) if style.wordy else glyphs.state(record.state), style=_MARKS[record.state]),
    ]


def _width(style: Style, rows: Sequence[Sequence[Text]]) -> int:
    columns = zip(*rows, strict=True) if rows else [[] for _ in style.headings]
    widths: list[int] = [
        max([cell_len(heading), *(cell.cell_len for cell in column)])
        for heading, column in zip(style.headings, columns, strict=True)
    ]
    return sum(widths) + style.gap * (len(widths) - 1)
