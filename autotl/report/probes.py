"""The backbones of a search and how their probes fared: line by line while it runs, as a table when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.events import BackboneResolved, Probed
from autotl.printable import printable
from autotl.prober import best_first
from autotl.report import words
from autotl.report.glyphs import Glyphs

_GAP = 2
_BUILT = (("px", 4), ("layers", 6), ("params", 6))
_PROBED = (("probe", 5), ("kNN", 5), ("ms", 5), ("time", 6))
_LONGEST = 22  # columns of a name: with the numbers it fits on 80


def rows(
    resolved: Sequence[BackboneResolved],
    probes: Mapping[str, Probed] | None,
    metric: str,
    glyphs: Glyphs,
    width: int = 120,
) -> list[Text]:
    """Return headings and a line for each backbone, the best probed first, those left out last.

    `probes` are those that ended so far, None where backbones are not probed. Where their weights are from is told
    as far as it fits into `width` columns.
    """
    ready = {event.backbone: event for event in resolved if not event.problem}
    room = min(_LONGEST, max(cell_len(printable(event.backbone)) for event in resolved))
    headings = _BUILT if probes is None else (*_BUILT, *_PROBED)
    lines = [Text("  " + " " * room + "".join(_cell(*heading) for heading in headings), style="dim")]
    roomy = lines[0].cell_len + _GAP + max((cell_len(event.weights) for event in ready.values()), default=0) <= width
    for place, name in enumerate(best_first((probes or {}).values(), ready, metric)):
        probed = (probes or {}).get(name, Probed(name))
        leads = place == 0 and probed.score is not None
        line = Text.assemble((f"{glyphs.good} ", "green"), (_name(name, room), "bold" if leads else ""))
        line.append_text(_built(ready[name]))
        if probes is not None:
            line.append_text(_fared(probed, leads))
        lines.append(line.append(f"  {printable(ready[name].weights)}" if roomy else "", style="dim"))
    for event in resolved:
        if event.problem:
            why = (f"  {words.clean(event.problem)}", "dim")
            lines.append(Text.assemble((f"{glyphs.bad} {_name(event.backbone, room)}", "red"), why))
    return lines


def table(probes: Sequence[Probed], metric: str) -> RenderableType:
    """Return how the probes of a search fared, best first, and why others were not made."""
    found = {probed.backbone: probed for probed in probes if probed.score is not None}
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    grid.add_column("backbone", no_wrap=True, overflow="ellipsis")
    for heading in (words.metric_name(metric), "kNN", "validation", "ms a picture", "time", "trial"):
        grid.add_column(heading, justify="right")
    for place, name in enumerate(best_first(probes, found, metric)):
        each = found[name]
        scores = [words.score(score) for score in (each.score, each.knn, each.valid)]
        costs = [words.milliseconds(each.ms), words.span(each.seconds)]
        trial = words.NOTHING if each.trial is None else str(each.trial)
        emphasis = "bold green" if place == 0 else ""
        grid.add_row(printable(name), Text(scores[0], style=emphasis), *scores[1:], *costs, trial)
    problems = [
        Text(f"! {printable(each.backbone)}: {words.clean(each.problem)}", style="yellow")
        for each in probes
        if each.problem
    ]
    return Group(*([grid] if found else []), *problems)


def _built(event: BackboneResolved) -> Text:
    cells = (str(event.image_size), str(event.layers), words.count(event.parameters))
    return Text("".join(_cell(cell, width) for cell, (_, width) in zip(cells, _BUILT, strict=True)))


def _fared(probed: Probed, leads: bool) -> Text:
    if probed.problem:
        return Text(f"  {words.clean(probed.problem)}", style="yellow")
    known = probed.score is not None
    cells = (
        words.score(probed.score),
        words.score(probed.knn),
        words.milliseconds(probed.ms),
        words.span(probed.seconds),
    )
    score, *rest = (_cell(cell if known else "", width) for cell, (_, width) in zip(cells, _PROBED, strict=True))
    return Text.assemble((score, "bold green" if leads else "bold"), "".join(rest))


def _name(name: str, room: int) -> str:
    return set_cell_size(printable(name), room)


def _cell(text: str, width: int) -> str:
    return " " * _GAP + text.rjust(width)
