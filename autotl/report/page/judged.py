"""How the winner did, class by class, and how far its confidence can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.calibration import calibrated, reliability
from autotl.evaluate import by_class, confusion
from autotl.report import words
from autotl.report.page import plots
from autotl.result import SearchResult

if TYPE_CHECKING:
    from markupsafe import Markup

PARTS = {"test": "test", "valid": "validation"}
_WIDEST = 24  # classes that a confusion matrix can still be read with
_CONFUSIONS = 12
_BINS = 10  # of a diagram; the calibration error counts more, narrower ones


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: its scores, its pictures, and in what part of the class each prediction falls."""

    name: str
    scores: tuple[str, ...]
    support: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the confusion matrix: pictures, and which share of their class they are."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers on one part of the data: `matrix` is empty where it would be too wide to read."""

    part: str
    pictures: int
    rows: tuple[ClassRow, ...]
    matrix: tuple[tuple[str, tuple[Cell, ...]], ...]
    confusions: tuple[tuple[str, str, int, int], ...]


def judged(result: SearchResult) -> Judged | None:
    """Return how the winner did on the test part, or on validation where there is none; None where nothing is kept."""
    split = next((split for split in PARTS if split in result.answers), None)
    if split is None:
        return None
    answers, classes = result.answers[split], result.dataset.classes
    counts = confusion(answers.labels, answers.probabilities.argmax(axis=1), len(classes))
    return Judged(
        PARTS[split],
        len(answers.labels),
        tuple(_row(name, scores) for name, scores in by_class(classes, counts).items()),
        _matrix(classes, counts) if len(classes) <= _WIDEST else (),
        _confusions(classes, counts),
    )


def diagrams(result: SearchResult) -> list[Markup]:
    """Return how far confidence can be believed: of probabilities as they came, and calibrated where that differs."""
    answers = next((result.answers[split] for split in PARTS if split in result.answers), None)
    if answers is None:
        return []
    temperature = float(result.metrics.get("temperature") or 1.0)
    raw = calibrated(answers.probabilities, 1 / temperature)
    drawn = [("before", raw)] if temperature == 1.0 else [("before", raw), ("after", answers.probabilities)]
    return [
        plots.reliability(reliability(answers.labels, each, _BINS), f"trust-{name}", f"Reliability {name} calibration")
        for name, each in drawn
    ]


def _row(name: str, scores: dict[str, float]) -> ClassRow:
    told = (scores[each] if scores["support"] else None for each in ("precision", "recall", "f1"))
    return ClassRow(name, tuple(map(words.score, told)), int(scores["support"]))


def _matrix(classes: tuple[str, ...], counts: Any) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    sums = np.maximum(counts.sum(axis=1), 1)
    return tuple(
        (name, tuple(Cell(int(n), float(n / sums[i]), i == j) for j, n in enumerate(counts[i])))
        for i, name in enumerate(classes)
    )


def _confusions(classes: tuple[str, ...], counts: Any) -> tuple[tuple[str, str, int, int], ...]:
    """Return the commonest confusions: the class, what it was taken for, how often, of how many pictures."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    pairs = [(int(place) // len(classes), int(place) % len(classes)) for place in order]
    return tuple((classes[i], classes[j], int(wrong[i, j]), int(counts[i].sum())) for i, j in pairs if wrong[i, j])
