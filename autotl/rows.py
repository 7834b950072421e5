"""Tables of what a model said, written picture by picture and seen under their name when they are whole."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotl.errors import RunError
from autotl.folder import writing_whole

if TYPE_CHECKING:
    from autotl.predict import Prediction

_COLUMNS = ("path", "label", "confidence", "abstained", "problem")


@contextmanager
def csv_of(file: str | Path, classes: Sequence[str]) -> Iterator[Callable[[Prediction], None]]:
    """Yield a function that writes the row of a prediction, with a column `p_CLASS` for each class.

    A block that does not end well leaves nothing behind, and an older file as it was. Raises RunError when the file
    cannot be written.
    """
    with writing_rows(file, (*_COLUMNS, *(f"p_{name}" for name in classes))) as write:
        yield lambda one: write(_cells(one, classes))


@contextmanager
def writing_rows(file: str | Path, header: Sequence[str]) -> Iterator[Callable[[Iterable[str]], None]]:
    """Yield a function that writes a row of a CSV; the file is there once the block has ended well."""
    path = Path(file).expanduser()
    if path.is_dir():
        raise RunError(f"{path} is a folder, so no table can be written there. Name a file.")
    foreign: BaseException | None = None
    try:
        with writing_whole(path, errors="replace") as text:  # names need not be Unicode
            write = partial(_write, csv.writer(text, lineterminator="\n"), path)
            write(header)
            try:
                yield write
            except BaseException as error:
                foreign = error
                raise
    except OSError as error:
        if error is foreign:  # of the block, and perhaps of another file
            raise
        raise _unwritable(path, error) from error


def _write(writer: Any, path: Path, cells: Iterable[str]) -> None:
    try:
        writer.writerow(cells)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} cannot be written: {error.strerror or error}. Make room or name another file.")


def _cells(one: Prediction, classes: Sequence[str]) -> list[str]:
    confidence = "" if one.problem else f"{one.confidence:.6f}"
    abstained = "abstained" if one.abstained else ""
    told = one.probabilities
    shares = [f"{told[name]:.6f}" if name in told else "" for name in classes]
    return [one.path, one.label or "", confidence, abstained, one.problem, *shares]
