"""Loss and accuracy of one trial, epoch by epoch, as a PNG."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autotl.candidate import TrialRecord
from autotl.report import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAIN, VALID, GREY = "#4c78a8", "#f58518", "#888888"


def draw(record: TrialRecord, path: Path) -> Path:
    """Draw the curves of a trial to `path` and return it; the best epoch is marked.

    The file is written whole or not at all. A trial without epochs gives a picture that says so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _plot(left, record, "loss", "loss (cross-entropy)")
    _plot(right, record, "accuracy", "accuracy")
    figure.suptitle(f"trial {record.number}: {_plain(words.made_of(record))}", fontsize=10, color="#333333")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".curves-") as folder:
        beside = Path(folder) / "curves.png"
        figure.savefig(beside, format="png")
        beside.replace(path)
    return path


def _plot(axes: Axes, record: TrialRecord, name: str, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for column, label, colour in ((name, "training", TRAIN), (f"valid_{name}", "validation", VALID)):
        points = [
            (row["epoch"], row[column])
            for row in record.history
            if column in row and row[column] is not None and math.isfinite(row[column])
        ]
        if points:
            epochs, values = zip(*points, strict=True)
            axes.plot(epochs, values, color=colour, label=label, marker="o", markersize=3.5, linewidth=1.8)
            _mark(axes, record, dict(points), colour)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.text(0.5, 0.5, "not trained by epochs", ha="center", color=GREY, transform=axes.transAxes)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color="#333333")
    axes.set_xlabel("epoch", color=GREY)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=GREY, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cccccc")


def _mark(axes: Axes, record: TrialRecord, values: dict[float, float], colour: str) -> None:
    """Mark the epoch whose weights were kept, on the validation curve."""
    if colour != VALID or record.best_epoch not in values:
        return
    best = float(record.best_epoch)
    axes.axvline(best, color=GREY, linewidth=0.9, linestyle=(0, (3, 3)), zorder=0)
    axes.plot([best], [values[best]], marker="o", markersize=9, markerfacecolor="none", color=VALID, linewidth=0)
    axes.annotate(
        f"best epoch {record.best_epoch}: {values[best]:.3f}",
        (best, values[best]),
        xytext=(0, 12),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color="#333333",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # matplotlib would read it as mathematics
