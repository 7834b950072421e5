"""The single lines of the live view, each exactly one row of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autotl import events
from autotl.budget import fresh
from autotl.printable import printable
from autotl.report import words
from autotl.report.glyphs import Glyphs
from autotl.report.scene import Running, Scene, Step

_REMARKS = 8  # warnings repeated at the end


@dataclass(frozen=True, slots=True)
class Brush:
    """What drawing depends on besides the scene: the hour, the width in columns, the signs."""

    now: float
    width: int
    glyphs: Glyphs


def one_line(text: Text) -> Text:
    """Return `text` so that it is cut with an ellipsis and never wrapped."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def apart(left: RenderableType, right: RenderableType) -> Table:
    """Return a line with one thing at each end; the left one gives way."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True, justify="right")
    grid.add_row(left, right)
    return grid


def shortened(rows: Sequence[Text], room: int) -> list[Text]:
    """Return the first `room` rows; the last one tells of those left out."""
    if len(rows) <= room or room < 1:
        return [one_line(row) for row in rows[: max(0, room)]]
    last = Text.assemble(rows[room - 1], f"  (and {len(rows) - room} more)")
    return [*(one_line(row) for row in rows[: room - 1]), one_line(last)]


def name(scene: Scene) -> str:
    """Return what the search is called: the name of its data."""
    return Path(scene.config.data).name or scene.config.data if scene.config else "…"


def data(scene: Scene, brush: Brush) -> RenderableType:
    """Pictures and classes on the left, the splits on the right."""
    dataset = scene.dataset
    if dataset is None:
        return one_line(Text("reading the pictures", style="dim"))
    known = dataset.classes[:12]
    classes = ", ".join(printable(each) for each in known) + (", …" if len(dataset.classes) > len(known) else "")
    splits = Text()
    for split, of in dataset.counts().items():
        splits.append(f"  {split} ", style="dim").append(str(sum(of.values())))
    summary = Text.assemble(
        (words.plural(len(dataset.pictures), "picture"), "bold"),
        f" {brush.glyphs.dot} ",
        (words.plural(len(dataset.classes), "class", "classes"), "bold"),
        (f"  {classes}", "dim"),
    )
    return apart(summary, splits)


def budget(scene: Scene, brush: Brush) -> RenderableType:
    """How much of the budget is spent, as a bar and in words."""
    spent = scene.fraction(brush.now)
    passed = words.span(round(brush.now - scene.began))
    if spent is None or scene.config is None:
        return one_line(Text(passed, style="dim"))
    said = Text()
    if scene.config.trials is not None:
        trials = fresh(scene.records.values())
        said.append(f"{trials} of {words.plural(scene.config.trials, 'trial')} {brush.glyphs.dot} ")
    if scene.config.seconds is not None:
        said.append(f"{passed} of {words.span(scene.config.seconds)} {brush.glyphs.dot} ", style="dim")
        left = scene.left(brush.now) or 0.0
        said.append(f"{words.span(round(left))} left" if left >= 1 else "finishing", style="bold cyan")
    else:
        said.append(passed, style="dim")
    return _bar_between(Text("budget", style="dim"), spent, said, "cyan")


def tally(scene: Scene, brush: Brush) -> RenderableType:
    """How many trials ended and how, and the best score."""
    told = Text(words.trials(scene.trained, scene.probed, brush.glyphs.dot))
    for state, style in (("pruned", "yellow"), ("failed", "red")):
        if scene.tally(state):
            told.append(f" {brush.glyphs.dot} ").append(f"{scene.tally(state)} {state}", style=style)
    if scene.resumed:
        told.append(f" {brush.glyphs.dot} {scene.resumed} from an earlier run", style="dim")
    best = scene.best
    if best is None:
        return apart(told, Text(f"searching for {words.metric_name(scene.metric)}", style="dim"))
    score = Text.assemble(
        (f"best {words.metric_name(scene.metric)} ", "dim"),
        (words.score(best.score), "bold green"),
        (f"  trial {best.number}", "dim"),
    )
    return apart(told, score)


def step(under_way: Step, brush: Brush) -> RenderableType:
    """A long step: its name, its bar, its numbers."""
    left = under_way.left(brush.now)
    numbers = f"{under_way.done} of {under_way.total}" + (
        f" {brush.glyphs.dot} {words.span(left)} left" if left else ""
    )
    what = one_line(Text(f"{brush.glyphs.spinner(brush.now)} {words.clean(under_way.what)}"))
    what.truncate(max(12, brush.width // 2), overflow="ellipsis")
    return _bar_between(what, under_way.done / max(1, under_way.total), Text(numbers, style="dim"), "magenta")


def trial(training: Running, brush: Brush) -> RenderableType:
    """A running trial in one line."""
    scores = training.scores()
    right = Text.assemble(
        (brush.glyphs.sparkline(scores, 10).ljust(10), "cyan"),
        (f"  {words.score(scores[-1] if scores else None):>5}", "bold"),
        (f"  {len(training.rows):>2}/{training.candidate.epochs}", "dim"),
    )
    return apart(recipe(training, brush), right)


def recipe(training: Running, brush: Brush) -> Text:
    """What a running trial is made of."""
    sign = brush.glyphs.spinner(brush.now)
    return Text.assemble(
        (f"{sign} {training.number} ", "bold blue"), words.recipe(training.candidate, brush.glyphs.dot)
    )


def trial_head(training: Running, brush: Brush) -> RenderableType:
    """What a running trial is made of, and how long it has been running."""
    return apart(recipe(training, brush), Text(words.span(round(brush.now - training.began)), style="dim"))


def trial_epochs(training: Running, metric: str, brush: Brush) -> RenderableType:
    """The epochs of a running trial: a bar, the scores so far as a curve, the latest numbers."""
    if not training.rows:
        return one_line(Text("  getting ready", style="dim"))
    row, scores = training.rows[-1], training.scores()
    curve = min(16, training.candidate.epochs)
    said = Text().append(brush.glyphs.sparkline(scores, curve).ljust(curve), style="cyan")
    said.append(f"  {words.metric_name(metric)} ", style="dim").append(words.score(row.get("score")), style="bold")
    said.append("  loss ", style="dim").append(words.score(row.get("loss")))
    if brush.width >= 112:
        said.append("  validation loss ", style="dim").append(words.score(row.get("valid_loss")))
        said.append(f"  {words.span(row.get('seconds', 0.0))} an epoch", style="dim")
    done = len(training.rows)
    return _bar_between(
        Text(f"  epoch {done}/{training.candidate.epochs}", style="dim"), done / training.candidate.epochs, said, "blue"
    )


def backbone_line(resolved: Sequence[events.BackboneResolved], brush: Brush) -> Text:
    """Every backbone in one line."""
    ready = [printable(event.backbone) for event in resolved if not event.problem]
    missing = [event for event in resolved if event.problem]
    text = Text("  backbones ", style="dim")
    if missing:
        text.append(f"{brush.glyphs.bad} {len(missing)} left out  ", style="red")
    return one_line(text.append(f"{brush.glyphs.good} ", style="green").append(f" {brush.glyphs.dot} ".join(ready)))


def note(said: events.Note) -> Text:
    """A remark."""
    style = "yellow" if said.warning else "dim"
    return one_line(Text(f"  {'!' if said.warning else ' '} {words.clean(said.text)}", style=style))


def remarks(scene: Scene) -> list[Text]:
    """Return what should stay on the screen when the live view has gone: warnings, and backbones left out."""
    warnings = [Text(f"! {words.clean(each.text)}", style="yellow") for each in scene.notes if each.warning]
    told = warnings[:_REMARKS]
    if len(warnings) > _REMARKS:
        told.append(Text(f"! and {len(warnings) - _REMARKS} more warnings, in log.jsonl", style="yellow"))
    missing = [event for event in scene.backbones.values() if event.problem]
    if missing:
        names = printable(", ".join(event.backbone for event in missing))
        told.append(Text(f"! left out: {names}. {words.clean(missing[0].problem)}", style="yellow"))
    return told


def _bar_between(left: Text, fraction: float, right: Text, style: str) -> Table:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right", overflow="ellipsis")
    bar = ProgressBar(total=1.0, completed=fraction, complete_style=style, finished_style=style)
    grid.add_row(left, bar, right)
    return grid
