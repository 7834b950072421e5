"""Loads a Dataset: lists the files, checks each, draws the splits that are missing, and tells what was found."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotl.data import findings
from autotl.data.dataset import Dataset, Finding, Picture
from autotl.data.layout import EXPLAINED, read_folder
from autotl.data.listing import Entry, Listing, folders, relative
from autotl.data.split import Row, assign
from autotl.data.table import read_table
from autotl.errors import DataError

if TYPE_CHECKING:
    from autotl.data.check import Checked

OnProgress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that can be used: what the listing and the check say of it."""

    entry: Entry
    checked: Checked


def load(
    path: str | Path,
    *,
    valid_split: float = 0.2,
    test_split: float | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Return the pictures of a folder or CSV, every file read and checked, every picture in a split.

    Given splits are kept, missing ones drawn (see `split.assign`). `on_progress(done, total)` is called while
    files are read. What cannot be used is left out and told in `findings`; raises DataError when what remains
    cannot be searched.
    """
    listing = read(path)
    found, unreadable = _readable(listing, on_progress)
    classes = tuple(sorted({each.entry.label for each in found}))
    _require_classes(path, listing, classes, found)
    _require_pictures(path, classes, found)
    place = {name: index for index, name in enumerate(classes)}
    rows = [Row(place[f.entry.label], f.entry.group or f.checked.digest, f.entry.split) for f in found]
    grouped = any(f.entry.group for f in found)
    shares = assign(rows, grouped=grouped, valid_split=valid_split, test_split=test_split, seed=seed)
    pictures = tuple(
        Picture(str(f.entry.path), row.label, split, f.checked.digest, f.checked.width, f.checked.height, f.entry.group)
        for f, row, split in zip(found, rows, shares.splits, strict=True)
    )
    root = str(_absolute(path))
    dataset = Dataset(root, classes, pictures, made_valid=shares.made_valid, made_test=shares.made_test)
    _require_train(dataset)
    told = [*listing.findings, *unreadable, *_empty(listing, classes), *findings.of(dataset, listing.root)]
    return dataclasses.replace(dataset, findings=tuple(told))


def read(path: str | Path) -> Listing:
    """List a folder or a CSV without opening a picture; raises DataError when it is neither."""
    place = _absolute(path)
    if not place.exists():
        raise DataError(f"There is no folder or CSV {path}. Check the spelling, and where you are.")
    try:
        if place.is_dir():
            return read_folder(place)
    except OSError as error:
        raise DataError(f"{path} cannot be listed: {error}.") from error
    if place.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise DataError(f"{path} is neither a folder nor a CSV. {EXPLAINED}.")
    return read_table(place)


def _readable(listing: Listing, on_progress: OnProgress | None) -> tuple[list[Found], list[Finding]]:
    from autotl.data.check import check  # Pillow is imported when there is something to read

    checked = list(check([entry.path for entry in listing.entries], on_progress))
    pairs = [Found(entry, each) for entry, each in zip(listing.entries, checked, strict=True)]
    found = [each for each in pairs if not each.checked.problem]
    return sorted(found, key=lambda each: (each.checked.digest, str(each.entry.path))), _unreadable(listing, pairs)


def _unreadable(listing: Listing, pairs: Sequence[Found]) -> list[Finding]:
    """Return one finding for each reason, naming its files."""
    files: dict[str, list[str]] = defaultdict(list)
    for each in pairs:
        if each.checked.problem:
            files[each.checked.problem].append(relative(each.entry.path, listing.root))
    told = []
    for problem, names in sorted(files.items()):
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        message = f"Pictures that cannot be read are left out, because {problem}: {len(names)} ({shown})."
        told.append(Finding("unreadable", message, tuple(names)))
    return told


def _empty(listing: Listing, classes: Sequence[str]) -> list[Finding]:
    names = tuple(name for name in listing.classes if name not in classes)
    if not names:
        return []
    return [Finding("empty", f"Classes without a picture that can be read are left out: {', '.join(names)}.", names)]


def _require_classes(path: str | Path, listing: Listing, classes: Sequence[str], found: Sequence[Found]) -> None:
    if len(classes) >= 2:
        return
    if not classes:
        raise DataError(f"None of the {len(listing.entries)} pictures of {path} can be read. Are they whole?")
    lone = listing.root / classes[0]
    hint = f" Did you mean {lone}?" if lone.is_dir() and len(folders(lone)) > 1 else ""
    empty = [name for name in listing.classes if name not in classes]
    other = f" {', '.join(map(repr, empty))} holds none that can be read." if empty else ""
    raise DataError(f"{path} has pictures of one class only, {classes[0]!r}; at least 2 are needed.{other}{hint}")


def _require_pictures(path: str | Path, classes: Sequence[str], found: Sequence[Found]) -> None:
    """Raise DataError when a class is too small to be learnt from and checked."""
    given = {f.entry.split for f in found}
    free = Counter(f.entry.label for f in found if f.entry.split in (None, "train"))
    for name in classes:
        if free[name] == 0:
            others = sorted({str(f.entry.split) for f in found if f.entry.label == name})
            raise DataError(
                f"Class {name!r} of {path} is in {' and '.join(others)}, but not in train. "
                "Add pictures of it to train, or take it out."
            )
        if free[name] == 1 and "valid" not in given:
            raise DataError(
                f"Class {name!r} has 1 picture in {path}; at least 2 are needed, "
                "one for training and one for validation."
            )


def _require_train(dataset: Dataset) -> None:
    for name, count in dataset.counts()["train"].items():
        if not count:
            raise DataError(f"Class {name!r} lies in one group, so none is left to learn from. Give it two groups.")
    if not dataset.indices("valid"):
        raise DataError(f"Nothing of {dataset.root} is left for validation: its pictures are copies. Add others.")


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  (links stay as they are)
