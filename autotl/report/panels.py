"""The pieces of the live view: each knows how few lines it needs and how many it would like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from autotl.printable import printable
from autotl.report import lines, probes, tables, words
from autotl.report.lines import Brush
from autotl.report.scene import Scene

FRAME = 2  # lines that a panel takes for itself, and the columns at each side
TOP = 8  # trials on the leaderboard of the live view
_BACKBONES_LEAST = FRAME + 2  # a panel without a backbone says less than a line of names


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to draw in `least` to `most` lines; pieces of lower `rank` get their lines first."""

    rank: int
    least: int
    most: int
    draw: Callable[[int], RenderableType]


def pieces(scene: Scene, brush: Brush) -> list[Piece]:
    """Return what there is to show, from top to bottom."""
    found = [header(scene, brush), steps(scene, brush)]
    if scene.running:
        found.append(training(scene, brush))
    if scene.trained:
        found.append(standings(scene, brush))
    if scene.backbones:
        found.append(backbones(scene, brush))
    if scene.notes:
        found.append(notes(scene))
    return found


def arrange(found: Sequence[Piece], height: int) -> list[RenderableType]:
    """Return the pieces drawn so that together they fill at most `height` lines; some may be left out."""
    given: dict[int, int] = {}
    left = height
    by_rank = sorted(range(len(found)), key=lambda i: found[i].rank)
    for i in by_rank:
        if found[i].least <= left:
            given[i] = found[i].least
            left -= found[i].least
    for i in by_rank:
        if i in given:
            more = min(left, found[i].most - found[i].least)
            given[i] += more
            left -= more
    return [piece.draw(given[i]) for i, piece in enumerate(found) if given.get(i)]


def header(scene: Scene, brush: Brush) -> Piece:
    """The data, the budget and the best score so far."""
    findings = words.findings(scene.dataset) if scene.dataset else []

    def draw(room: int) -> RenderableType:
        warnings = [Text(f"! {finding}", style="yellow") for finding in findings]
        rows = [
            lines.data(scene, brush),
            *lines.shortened(warnings, room - FRAME - 3),
            lines.budget(scene, brush),
            lines.tally(scene, brush),
        ]
        title = Text.assemble(("autotl", "bold"), f" {brush.glyphs.dot} {printable(lines.name(scene))}")
        return _panel(Group(*rows), title, "cyan", "Ctrl-C ends with the best so far")

    least = FRAME + 3
    return Piece(rank=0, least=least, most=least + min(3, len(findings)), draw=draw)


def steps(scene: Scene, brush: Brush) -> Piece:
    """Bars of the long steps under way, or a sign of life when nothing else moves."""
    under_way = list(scene.steps.values())[-3:]
    if not under_way and not scene.running:
        return Piece(rank=2, least=1, most=1, draw=lambda room: _waiting(scene, brush))

    def draw(room: int) -> RenderableType:
        return Group(*(lines.step(step, brush) for step in under_way[-room:]))

    return Piece(rank=2, least=min(1, len(under_way)), most=len(under_way), draw=draw)


def training(scene: Scene, brush: Brush) -> Piece:
    """The trials that are being trained: one line each, or two when there is room."""
    trials = list(scene.running.values())

    def draw(room: int) -> RenderableType:
        room -= FRAME
        rows: list[RenderableType] = []
        if room < 2 * len(trials):
            rows = [lines.trial(trial, brush) for trial in trials[:room]]
        else:
            for trial in trials:
                rows += [lines.trial_head(trial, brush), lines.trial_epochs(trial, scene.metric, brush)]
        return _panel(Group(*rows), Text("training", style="bold"), "blue")

    return Piece(rank=1, least=FRAME + min(4, len(trials)), most=FRAME + 2 * len(trials), draw=draw)


def standings(scene: Scene, brush: Brush) -> Piece:
    """The best trials so far."""
    records = scene.leaderboard
    shown = min(TOP, len(records))

    def draw(room: int) -> RenderableType:
        limit = room - FRAME - 1
        inside = brush.width - 2 * FRAME
        table = tables.leaderboard(records, width=inside, limit=limit, glyphs=brush.glyphs)
        hidden = len(records) - limit
        rest = f"and {words.plural(hidden, 'more trial', 'more trials')}" if hidden > 0 else ""
        return _panel(table, Text("leaderboard", style="bold"), "green", rest)

    return Piece(rank=3, least=FRAME + 1 + min(3, shown), most=FRAME + 1 + shown, draw=draw)


def backbones(scene: Scene, brush: Brush) -> Piece:
    """Which backbones take part, how their probes fared, which were left out and why; in one line if room is short."""
    known = list(scene.backbones.values())

    def draw(room: int) -> RenderableType:
        if room < _BACKBONES_LEAST:
            return lines.backbone_line(known, brush)
        probed = scene.probes if scene.config is not None and scene.config.probe else None
        rows = probes.rows(known, probed, scene.metric, brush.glyphs, brush.width - 2 * FRAME)
        return _panel(Group(*lines.shortened(rows, room - FRAME)), Text("backbones", style="bold"), "magenta")

    return Piece(rank=5, least=1, most=FRAME + 1 + min(10, len(known)), draw=draw)


def notes(scene: Scene) -> Piece:
    """The latest remarks."""

    def draw(room: int) -> RenderableType:
        return Group(*(lines.note(note) for note in scene.notes[-room:]))

    return Piece(rank=4, least=1, most=min(3, len(scene.notes)), draw=draw)


def _waiting(scene: Scene, brush: Brush) -> Text:
    what = "choosing the next trial" if scene.backbones else "getting ready"
    return lines.one_line(Text(f"{brush.glyphs.spinner(brush.now)} {what}", style="dim"))


def _panel(inside: RenderableType, title: Text, style: str, hint: str = "") -> Panel:
    subtitle = Text(hint, style="dim") if hint else None
    return Panel(
        inside,
        box=ROUNDED,
        title=title,
        title_align="left",
        subtitle=subtitle,
        subtitle_align="right",
        border_style=style,
    )
