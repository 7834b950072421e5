"""Pictures that may be labelled wrongly, as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.printable import printable
from autotl.report import words
from autotl.suspects import Doubts, Suspect


def table(found: Doubts) -> RenderableType:
    """Return the suspects, then the hardest pictures; or that no label was doubted."""
    looked = f"{words.plural(found.pictures, 'picture')} by the probe of {printable(found.backbone)}"
    if not found.found:
        return Text(f"No label is doubted: judged were {looked}.")
    shown: list[RenderableType] = []
    hard = [each for each in found.found if each.kind == "hard"]
    for title, rows in (("May be labelled wrongly", found.suspects), ("Hard to tell", hard)):
        if rows:
            shown += [*([Text("")] if shown else []), Text(title, style="bold"), _rows(rows)]
    judged = f"Judged were {looked}, none of the test part; nothing was changed."
    return Group(*shown, Text(""), Text(judged, style="dim"))


def _rows(rows: list[Suspect]) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("picture", "label", "p", "looks like", "p", "split"):
        made.add_column(heading, justify="right" if heading == "p" else "left", overflow="fold")
    for each in rows:
        label, guess = Text(printable(each.label)), Text(printable(each.looks_like))
        shares = (words.score(each.agrees), words.score(each.sure))
        made.add_row(Text(printable(each.file)), label, shares[0], guess, shares[1], Text(printable(each.split)))
    return made
