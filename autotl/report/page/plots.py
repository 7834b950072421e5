"""The plots of the page, each one as SVG in words of its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotl.calibration import Bin
from autotl.candidate import TrialRecord
from autotl.metrics import better
from autotl.printable import printable
from autotl.report import words
from autotl.report.page.ink import ACCENT, FAINT, INK, SECOND, drawing
from autotl.space import Value

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_WHOLE = 24  # different words along an axis that can still be read


@dataclass(frozen=True, slots=True)
class Point:
    """A trained network: its backbone, what it costs, and its score."""

    name: str
    cost: float
    score: float


def curves(record: TrialRecord, column: str) -> Markup | None:
    """Return the loss or the accuracy of a trial by epoch, None where it has none."""
    lines = {
        name: [(row["epoch"], row[key]) for row in record.history if _finite(row.get(key))]
        for name, key in (("training", column), ("validation", f"valid_{column}"))
    }
    if not any(lines.values()):
        return None

    def draw(axes: Axes) -> None:
        for (name, points), colour, dashes in zip(lines.items(), (SECOND, ACCENT), ((4, 2), ()), strict=True):
            epochs, values = zip(*points, strict=True) if points else ((), ())
            (line,) = axes.plot(epochs, values, color=colour, label=name, linewidth=1.6, marker="o", markersize=2.5)
            line.set_dashes(dashes) if dashes else None
        if record.best_epoch:
            axes.axvline(record.best_epoch, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
        _labels(axes, "epoch", column)
        _whole_numbers(axes)
        _legend(axes)

    ends = "; ".join(f"{name} from {p[0][1]:.3f} to {p[-1][1]:.3f}" for name, p in lines.items() if p)
    return drawing(f"curve-{record.number}-{column}", f"{column} of trial {record.number} by epoch: {ends}", draw)


def history(points: Sequence[tuple[float, TrialRecord]], metric: str, axis: str) -> Markup:
    """Return the scores of trials in the order in which they ended, and the best so far; `axis` names the places."""
    scored = [(at, record) for at, record in points if _finite(record.score)]

    def draw(axes: Axes) -> None:
        for state, colour, face in (("complete", ACCENT, ACCENT), ("pruned", FAINT, "none")):
            those = [(at, record.score) for at, record in scored if record.state == state]
            if those:
                places, scores = zip(*those, strict=True)
                label = "complete" if state == "complete" else "stopped early"
                axes.scatter(places, scores, s=16, color=colour, facecolors=face, label=label, zorder=3)
        best = list(_best_so_far(scored, metric))
        if best:
            places, scores = zip(*best, (scored[-1][0], best[-1][1]), strict=True)
            axes.step(places, scores, where="post", color=INK, linewidth=1.2, label="best so far")
        _labels(axes, axis, f"validation {words.metric_name(metric)}")
        _legend(axes)

    top = list(_best_so_far(scored, metric))
    told = f"{words.plural(len(scored), 'trial')} with a score" + (f", the best {top[-1][1]:.3f}" if top else "")
    return drawing("history", f"Validation {words.metric_name(metric)} over the search: {told}", draw)


def reliability(bins: Sequence[Bin], name: str, title: str) -> Markup:
    """Return how often answers are right against how sure they are; a dot's area tells of how many pictures."""
    most = max(each.pictures for each in bins)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        places, right = [each.confidence for each in bins], [each.accuracy for each in bins]
        axes.plot(places, right, color=ACCENT, linewidth=1.2)
        axes.scatter(places, right, s=[8 + 90 * each.pictures / most for each in bins], color=ACCENT, alpha=0.75)
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(-0.06, 1.06)
        _labels(axes, "confidence", "share that is right")

    told = "; ".join(f"at {each.confidence:.0%} {each.accuracy:.0%} of {each.pictures} are right" for each in bins)
    return drawing(name, f"{title}: {told}", draw)


def trade(points: Sequence[Point], name: str, axis: str, metric: str, most: float | None = None) -> Markup:
    """Return scores of networks against what they cost; a line joins those that no other beats in both.

    `most` is the limit of the search, another line.
    """
    front = sorted({each for each in points if not _beaten(each, points, metric)}, key=lambda each: each.cost)
    named = _best_of_each([*front, *(each for each in points if each not in front)], metric)

    def draw(axes: Axes) -> None:
        others = [each for each in points if each not in front]
        axes.scatter([each.cost for each in others], [each.score for each in others], s=14, color=FAINT, zorder=3)
        costs, scores = [each.cost for each in front], [each.score for each in front]
        axes.step(costs, scores, where="post", color=FAINT, linewidth=0.9)
        axes.scatter(costs, scores, s=24, color=ACCENT, zorder=4)
        for each in named:
            axes.annotate(
                printable(each.name),
                (each.cost, each.score),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=INK,
            )
        axes.margins(0.2, 0.2)
        if most is not None:
            _limit(axes, most)
        _labels(axes, axis, f"validation {words.metric_name(metric)}")

    told = "; ".join(f"{printable(each.name)} {each.cost:.3g}, {each.score:.3f}" for each in front)
    limit = "" if most is None else f"; the limit is {most:g}"
    return drawing(name, f"Validation {words.metric_name(metric)} against {axis}, unbeaten: {told}{limit}", draw)


def slices(points: Sequence[tuple[Value, float]], name: str, dimension: str, metric: str) -> Markup:
    """Return the scores of trials against one dimension that they drew."""
    values, scores = zip(*points, strict=True)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)

    def draw(axes: Axes) -> None:
        kinds = sorted({str(value) for value in values})[:_WHOLE]
        places = values if numbers else [kinds.index(str(v)) if str(v) in kinds else math.nan for v in values]
        axes.scatter(places, scores, s=16, color=ACCENT, alpha=0.75)
        if numbers and min(values) > 0 and max(values) / min(values) > 20:
            axes.set_xscale("log")
            axes.minorticks_off()
        elif numbers:
            axes.locator_params(axis="x", nbins=5)  # small numbers are long words
        else:
            axes.set_xticks(range(len(kinds)), [printable(kind)[:18] for kind in kinds])
            axes.margins(x=0.25)
            if len(kinds) > 4:
                axes.tick_params(axis="x", labelrotation=90)
                axes.figure.subplots_adjust(bottom=0.42)
        _labels(axes, printable(dimension), f"validation {words.metric_name(metric)}")

    told = f"{words.plural(len(points), 'trial')}, from {min(scores):.3f} to {max(scores):.3f}"
    return drawing(name, f"Validation {words.metric_name(metric)} by {printable(dimension)}: {told}", draw)


def _beaten(one: Point, points: Sequence[Point], metric: str) -> bool:
    return any(
        (other.cost <= one.cost and better(other.score, one.score, metric))
        or (other.cost < one.cost and other.score == one.score)
        for other in points
    )


def _best_of_each(points: Sequence[Point], metric: str) -> list[Point]:
    """Return the point of each name that has the best score, of equal ones the first."""
    best: dict[str, Point] = {}
    for each in points:
        if each.name not in best or better(each.score, best[each.name].score, metric):
            best[each.name] = each
    return list(best.values())


def _limit(axes: Axes, most: float) -> None:
    axes.axvline(most, color=SECOND, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.annotate(
        "limit",
        (most, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        fontsize=7.5,
        color=FAINT,
    )


def _best_so_far(scored: Sequence[tuple[float, TrialRecord]], metric: str) -> list[tuple[float, float]]:
    best: list[tuple[float, float]] = []
    for at, record in scored:
        score = float(record.score or 0.0)
        if record.state == "complete" and (not best or better(score, best[-1][1], metric)):
            best.append((at, score))
    return best


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _labels(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(across, color=FAINT)
    axes.set_title(up, loc="left", fontsize=8.5, color=INK)


def _legend(axes: Axes) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if len(handles) > 1:
        axes.legend(frameon=False, fontsize=7.5, labelcolor=FAINT)


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
