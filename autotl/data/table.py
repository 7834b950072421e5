"""Reads tables: a CSV with a path and a label for each picture and, if wished, its split and its group."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autotl.data.dataset import Split
from autotl.data.finding import Finding, found, named
from autotl.data.listing import SPELLINGS, Entry, Listing, expanded
from autotl.errors import DataError

COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "img", "picture"),
    "label": ("label", "class", "class_name", "classname", "category", "target", "y"),
    "split": ("split", "subset", "partition", "set"),
    "group": ("group", "group_id", "patient", "patient_id", "subject", "subject_id"),
}


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One row: its line in the file, and its cells."""

    number: int
    path: str = ""
    label: str = ""
    split: str = ""
    group: str = ""


def read_table(file: Path) -> Listing:
    """Return what a CSV lists; paths in it are relative to its folder, a blank split is train.

    Raises DataError when a column is missing, a split unknown, or one picture has two labels, splits or groups.
    """
    rows = read_rows(file, ("path", "label"))
    whole = [row for row in rows if row.path and row.label]
    findings = _rows_finding("incomplete", "without path or label", [r for r in rows if not (r.path and r.label)])
    once = _without_repeats(file, whole)
    findings += _rows_finding("duplicate_row", "listed before", sorted(set(whole) - set(once)))
    there = [row for row in once if os.path.isfile(located(file, row.path))]  # noqa: PTH113  (Path's own raises)
    findings += _rows_finding("missing", "whose file does not exist", sorted(set(once) - set(there)))
    if not there:
        raise DataError(f"{file} lists no file that exists. Its paths are read relative to {file.parent}.")
    findings += _outside(file, there)
    splits = any(row.split for row in rows)
    entries = tuple(
        Entry(located(file, row.path), row.label, _split(file, row) if splits else None, row.group or None)
        for row in there
    )
    return Listing(file.parent, entries, tuple(sorted({row.label for row in whole})), tuple(findings))


def read_rows(file: Path, needed: Iterable[str]) -> list[Row]:
    """Return the rows of a CSV; raises DataError when it cannot be read or lacks one of the `needed` columns."""
    try:
        if not file.is_file():
            raise OSError("it is not a file")
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = list(_reader(text.read()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} cannot be read as a CSV in UTF-8: {error}. Save it as one.") from error
    if not lines:
        raise DataError(f"{file} is empty. It needs a header line with {' and '.join(needed)}.")
    places = _places(file, [cell.strip() for cell in lines[0][1]], needed)
    return [
        Row(number, **{name: cells[place].strip() for name, place in places.items() if place < len(cells)})
        for number, cells in lines[1:]
        if any(cell.strip() for cell in cells)
    ]


def located(file: Path, path: str) -> Path:
    """Return where a path listed in a CSV leads, absolute."""
    return Path(os.path.abspath(file.parent / expanded(Path(path))))  # noqa: PTH100  (links stay as they are)


def _reader(text: str) -> list[tuple[int, list[str]]]:
    """Return the lines as (number, cells); the delimiter is the one that the header holds most of."""
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    return [(reader.line_num, cells) for cells in reader]


def _places(file: Path, header: list[str], needed: Iterable[str]) -> dict[str, int]:
    lowered = [cell.lower().replace(" ", "_") for cell in header]
    places = {
        column: lowered.index(next(name for name in names if name in lowered))
        for column, names in COLUMNS.items()
        if any(name in lowered for name in names)
    }
    for column in needed:
        if column not in places:
            known = ", ".join(COLUMNS[column])
            raise DataError(f"{file} has no {column} column. Its header is {header}; name one of: {known}.")
    return places


def _without_repeats(file: Path, rows: list[Row]) -> list[Row]:
    first: dict[Path, Row] = {}
    for row in rows:
        before = first.setdefault(located(file, row.path), row)
        for column in ("label", "split", "group"):
            one, other = getattr(before, column), getattr(row, column)
            if one != other:
                raise DataError(
                    f"{file}: {row.path} has the {column} {one!r} in row {before.number} and {other!r} in row "
                    f"{row.number}. Give each picture one."
                )
    return list(first.values())


def _split(file: Path, row: Row) -> Split:
    if not row.split:
        return "train"
    split = SPELLINGS.get(row.split.lower())
    if split is None:
        raise DataError(f"{file}: row {row.number} has the split {row.split!r}; write train, valid or test.")
    return split


def _outside(file: Path, rows: list[Row]) -> list[Finding]:
    """Tell of files that do not lie below the folder of the table: allowed, for it is the user's own."""
    names = tuple(row.path for row in rows if not located(file, row.path).is_relative_to(located(file, "")))
    if not names:
        return []
    return [
        found("outside", f"Files that lie outside the folder of {file.name}: {len(names)} ({named(names)}).", names)
    ]


def _rows_finding(kind: str, what: str, rows: list[Row]) -> list[Finding]:
    if not rows:
        return []
    numbers = ", ".join(str(row.number) for row in rows[:10]) + (", …" if len(rows) > 10 else "")
    message = f"Rows {what} are left out: {len(rows)} (row {numbers})."
    return [found(kind, message, tuple(row.path for row in rows if row.path))]
