"""What the winner said of each picture of a split, read from `predictions.csv`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.errors import RunError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.folder import RunFolder

_KNOWN = ("path", "split", "label", "predicted", "confidence")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the winner said of a split: `labels` are class indices `(n,)`, `probabilities` `(n, classes)`."""

    files: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def guesses(self) -> NDArray[np.int64]:
        """The predicted classes `(n,)`."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)


def read(folder: RunFolder, classes: Sequence[str]) -> dict[str, Answers]:
    """Return the answers by split, none where no file tells them; raises RunError when it holds something else."""
    file = folder.predictions
    if not file.is_file():
        return {}
    place = {name.encode("utf-8", "replace").decode("utf-8"): index for index, name in enumerate(classes)}
    found: dict[str, list[tuple[str, int, list[float]]]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as text:
            rows = csv.reader(text)
            _require(len(next(rows, [])) == len(_KNOWN) + len(classes), "a column for each class is expected")
            for row in rows:
                path, split, label = row[:3]
                found.setdefault(split, []).append((path, place[label], [float(cell) for cell in row[len(_KNOWN) :]]))
        return {split: _answers(rows, len(classes)) for split, rows in found.items()}
    except (ValueError, KeyError, csv.Error) as error:
        raise RunError(f"{file} is not as a search writes it: {error}. Is the run folder a whole copy?") from None


def _answers(rows: Sequence[tuple[str, int, list[float]]], classes: int) -> Answers:
    files, labels, shares = zip(*rows, strict=True)
    probabilities: NDArray[Any] = np.array(shares, np.float64)
    sums = probabilities.sum(axis=1)
    _require(probabilities.shape == (len(rows), classes), "a number for each class is expected")
    _require(bool((probabilities >= 0).all() and (abs(sums - 1) < 0.01).all()), "probabilities do not add up to 1")
    return Answers(tuple(files), np.array(labels, np.int64), probabilities)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
