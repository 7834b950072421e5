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
from autotl.predict import OnProgress, infer, load_model


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
    """Return the scores of a run's model, or a `.keras` file, on a folder or CSV of labelled pictures.

    Where `data` has a test part, that part alone counts. Raises RunError when there is no model, DataError when
    no picture can be read or the model does not know a class.
    """
    loaded = load_model(source)
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
    return evaluation(loaded.classes, np.array(labels), np.stack(rows), problems)


def evaluation(
    classes: tuple[str, ...], labels: NDArray[Any], probabilities: NDArray[Any], problems: Sequence[str] = ()
) -> Evaluation:
    """Return the scores of probabilities `(n, classes)` against labels, class indices `(n,)`."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    numbers, guesses = np.arange(len(classes)), probabilities.argmax(axis=1)
    table = precision_recall_fscore_support(labels, guesses, labels=numbers, zero_division=0)
    words = ("precision", "recall", "f1", "support")
    per_class = {
        name: {word: float(column[index]) for word, column in zip(words, table, strict=True)}
        for index, name in enumerate(classes)
    }
    return Evaluation(
        classes=classes,
        metrics=scores(labels, probabilities),
        pictures=len(labels),
        per_class=per_class,
        confusion=confusion_matrix(labels, guesses, labels=numbers).tolist(),
        problems=tuple(problems),
    )
