"""How well a model does on labelled pictures it may never have seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.data import Split, load_labelled
from autotl.data.listing import Entry, relative
from autotl.errors import DataError
from autotl.folder import RunFolder
from autotl.predict import BATCH, OnProgress, infer, load_any
from autotl.resampling import intervals
from autotl.rows import writing_rows
from autotl.scorecard import measured
from autotl.shapes import read_dataset

_MISTAKES = 5
_COLUMNS = ("path", "label", "predicted", "confidence", "problem")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture of the class `label` that was taken for another one, and how `sure` of that the model is, 0 to 1.

    `path` is relative to the data where it can be.
    """

    path: str
    label: str
    predicted: str
    sure: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of a model on some pictures.

    `intervals` has the bounds of 95% of each score on pictures drawn anew. `per_class` has precision, recall, f1 and
    support (pictures) of each class; `confusion` counts pictures by true class (rows) and predicted class (columns),
    in the order of `classes`; `mistakes` are the most confident ones. `problems` names what could not be read,
    `warnings` what makes the scores say less than they seem to.
    """

    classes: tuple[str, ...]
    metrics: dict[str, float]
    pictures: int
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    problems: tuple[str, ...] = ()
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[str, ...] = ()


def evaluate(
    source: str | Path,
    data: str | Path,
    *,
    csv: str | Path | None = None,
    batch_size: int = BATCH,
    plugins: Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Return the scores of a run's model, a `.keras` file or an export, on a folder or CSV of labelled pictures.

    Where `data` has a test part, that part alone counts. Into `csv` goes a row for each picture. `plugins` are files
    of plugins that the model needs. Raises RunError when there is no model, DataError when no picture can be read or
    the model knows none of the classes.
    """
    loaded = load_any(source, plugins)
    listing = load_labelled(data, loaded.classes)
    entries, paths = listing.entries, [entry.path for entry in listing.entries]
    read: list[Entry] = []
    rows, problems = [], []
    with _table(csv, loaded.classes) as write:
        answers = infer(loaded, paths, batch_size=batch_size, on_progress=on_progress)
        for entry, row in zip(entries, answers, strict=True):
            write(_cells(entry, row, loaded.classes))
            if isinstance(row, DataError):
                problems.append(str(row))
            else:
                read.append(entry)
                rows.append(row)
        if not rows:
            raise DataError(f"None of the {len(paths)} pictures of {data} can be read. Are they whole?")
    warnings = [finding.message for finding in listing.findings if finding.gravity != "note"]
    labels, probabilities = np.array([loaded.classes.index(entry.label) for entry in read]), np.stack(rows)
    counts = confusion(labels, probabilities.argmax(axis=1), len(loaded.classes))
    return Evaluation(
        classes=loaded.classes,
        metrics=measured(labels, probabilities),
        pictures=len(labels),
        per_class=by_class(loaded.classes, counts),
        confusion=counts.tolist(),
        problems=tuple(problems),
        intervals=intervals(labels, probabilities),
        mistakes=_mistakes(
            [relative(entry.path, listing.root) for entry in read], labels, probabilities, loaded.classes
        ),
        warnings=(*warnings, *_seen_before(Path(source).expanduser(), paths)),
    )


def _mistakes(
    names: Sequence[str], labels: NDArray[Any], probabilities: NDArray[Any], classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """Return the few mistakes that the model is surest of."""
    guesses, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(guesses != labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:_MISTAKES]
    return tuple(Mistake(names[i], classes[labels[i]], classes[guesses[i]], float(sure[i])) for i in worst)


def _seen_before(source: Path, paths: Sequence[Path]) -> list[str]:
    """Return a warning where pictures are among those that a run was trained on, or chose its model by."""
    from autotl.data.check import digest_of
    from autotl.data.decode import in_threads

    if not RunFolder(source).dataset.is_file():
        return []
    splits = {picture.digest: picture.split for picture in read_dataset(RunFolder(source).dataset).pictures}
    found = Counter(splits.get(digest) for digest in in_threads(digest_of, paths))
    parts: dict[Split, str] = {"train": "the model was trained on", "valid": "the model was chosen by"}
    told = [f"{found[split]} that {what}" for split, what in parts.items() if found[split]]
    return [f"Among the {len(paths)} pictures are {' and '.join(told)}: the scores flatter."] if told else []


@contextmanager
def _table(file: str | Path | None, classes: Sequence[str]) -> Iterator[Callable[[Iterable[str]], object]]:
    if file is None:
        yield lambda _: None
        return
    with writing_rows(file, (*_COLUMNS, *(f"p_{name}" for name in classes))) as write:
        yield write


def _cells(entry: Entry, row: NDArray[np.float32] | DataError, classes: Sequence[str]) -> list[str]:
    if isinstance(row, DataError):
        return [str(entry.path), entry.label, "", "", str(row), *("" for _ in classes)]
    guess = int(row.argmax())
    return [str(entry.path), entry.label, classes[guess], f"{row[guess]:.6f}", "", *(f"{share:.6f}" for share in row)]


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
