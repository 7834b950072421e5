"""How well a model does on labelled pictures it may never have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.data import load_labelled
from autotl.errors import DataError
from autotl.metrics import scores
from autotl.predict import OnProgress, infer, load_any


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of a model on some pictures.

    `per_class` has precision, recall, f1 and support (pictures) of each class; `confusion` counts pictures by true
    class (rows) and predicted class (columns), in the order of `classes`; `problems` names what could not be read.
    """

    classes: tuple[str, ...]
    metrics: dict[str, float]
    pictures: int
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    problems: tuple[str, ...] = ()


def evaluate(source: str | Path, data: str | Path, *, on_progress: OnProgress | None = None) -> Evaluation:
    """Return the scores of a run's model, a `.keras` file or an export, on a folder or CSV of labelled pictures.

    Where `data` has a test part, that part alone counts. Raises RunError when there is no model, DataError when
    no picture can be read or the model does not know a class.
    """
    loaded = load_any(source)
    listing = load_labelled(data, loaded.classes)
    place = {name: index for index, name in enumerate(loaded.classes)}
    labels, rows, problems = [], [], []
    paths = [entry.path for entry in listing.entries]
    for entry, row in zip(listing.entries, infer(loaded, paths, on_progress=on_progress), strict=True):
        if isinstance(row, DataError):
            problems.append(str(row))
        else:
            labels.append(place[entry.label])
            rows.append(row)
    if not rows:
        raise DataError(f"None of the {len(paths)} pictures of {data} can be read. Are they whole?")
    return _evaluation(loaded.classes, np.array(labels), np.stack(rows), problems)


def _evaluation(
    classes: tuple[str, ...], labels: NDArray[Any], probabilities: NDArray[Any], problems: Sequence[str] = ()
) -> Evaluation:
    """Return the scores of probabilities `(n, classes)` against labels, class indices `(n,)`."""
    counts = confusion(labels, probabilities.argmax(axis=1), len(classes))
    return Evaluation(
        classes=classes,
        metrics=scores(labels, probabilities),
        pictures=len(labels),
        per_class=by_class(classes, counts),
        confusion=counts.tolist(),
        problems=tuple(problems),
    )


def confusion(labels: NDArray[Any], guesses: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Return how often pictures of each class (rows) were taken for each class (columns)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, guesses), 1)
    return counts


def by_class(classes: Sequence[str], counts: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Return precision, recall, f1 and support of each class; 0 where a class was never guessed, or does not occur.

    scikit-learn has them too, but takes two seconds to import where a report needs nothing else of it.
    """
    hits, support, guessed = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    columns = {
        "precision": hits / np.maximum(guessed, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(guessed + support, 1),
        "support": support,
    }
    return {
        name: {word: float(column[place]) for word, column in columns.items()} for place, name in enumerate(classes)
    }
