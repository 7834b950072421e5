"""Loads a Dataset: lists the files, checks each, draws the splits that are missing, and tells what was found."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from autotl.data import findings, leaks
from autotl.data.dataset import MEGAPIXELS, Dataset, Picture, Split
from autotl.data.finding import Finding, by_gravity, found, named
from autotl.data.layout import EXPLAINED, read_folder
from autotl.data.listing import Listing, expanded, folders, relative
from autotl.data.split import Row, assign
from autotl.data.table import read_table
from autotl.data.usable import OnProgress, Usable, held_back, units, usable
from autotl.errors import DataError


def load(
    path: str | Path,
    *,
    valid_split: float = 0.2,
    test_split: float | None = None,
    seed: int = 0,
    keep_duplicates: bool = False,
    max_megapixels: float = MEGAPIXELS,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Return the pictures of a folder or CSV, every file read and checked, every picture in a split.

    Given splits are kept, missing ones drawn (see `split.assign`), with pictures that show the same on one side;
    training pictures that are also given for a later part are left out. `keep_duplicates` does neither.
    `max_megapixels` is the largest picture to be decoded. `on_progress(done, total)` is called while files are
    read. What cannot be used is left out and told in `findings`; raises DataError when what remains cannot be
    searched.
    """
    listing = read(path)
    files, told = usable(listing, on_progress, max_megapixels)
    held = {} if keep_duplicates else held_back(files)
    kept = [each for index, each in enumerate(files) if index not in held]
    classes = tuple(sorted({each.entry.label for each in files}))
    _require_classes(path, listing, classes, files)
    _require_pictures(path, classes, files, kept)
    place = {name: index for index, name in enumerate(classes)}
    rows = [
        Row(place[each.entry.label], unit, each.entry.split)
        for each, unit in zip(kept, units(kept, keep_duplicates=keep_duplicates), strict=True)
    ]
    grouped = any(each.entry.group for each in kept)
    shares = assign(rows, grouped=grouped, valid_split=valid_split, test_split=test_split, seed=seed)
    pictures = _pictures(kept, rows, shares.splits)
    root = str(_absolute(path))
    dataset = Dataset(root, classes, pictures, made_valid=shares.made_valid, made_test=shares.made_test)
    _require_train(dataset)
    told += [*listing.findings, *_empty(listing, classes), *_held_back(listing, files, held)]
    told += _duplicates(listing, files, held, kept, shares.splits)
    told += leaks.of_groups(dataset, [relative(Path(each.path), listing.root) for each in pictures])
    return dataclasses.replace(dataset, findings=by_gravity([*told, *findings.of_classes(dataset)]))


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


def _pictures(kept: Sequence[Usable], rows: Sequence[Row], splits: Sequence[Split]) -> tuple[Picture, ...]:
    counts = Counter(each.near for each in kept)
    first: dict[int, str] = {}
    for each in kept:
        first.setdefault(each.near, each.checked.digest)
    return tuple(
        Picture(
            path=str(each.entry.path),
            label=row.label,
            split=split,
            digest=each.checked.digest,
            width=each.checked.width,
            height=each.checked.height,
            group=each.entry.group,
            twins=first[each.near] if counts[each.near] > 1 else None,
        )
        for each, row, split in zip(kept, rows, splits, strict=True)
    )


def _held_back(listing: Listing, files: Sequence[Usable], held: Mapping[int, Split]) -> list[Finding]:
    names = tuple(sorted(relative(files[index].entry.path, listing.root) for index in held))
    if not names:
        return []
    parts = " or ".join(part for part in ("valid", "test") if part in held.values())
    message = f"Training pictures that are in {parts} too are left out of training: {len(names)} ({named(names)})."
    return [found("held_back", message, names)]


def _duplicates(
    listing: Listing,
    files: Sequence[Usable],
    held: Mapping[int, Split],
    kept: Sequence[Usable],
    splits: Sequence[Split],
) -> list[Finding]:
    """Return the findings on duplicates; of what was held back, only that its label contradicts is still to be told."""
    labels = {(each.exact, each.entry.label) for each in kept}
    strange = [(files[i], part) for i, part in held.items() if (files[i].exact, files[i].entry.label) not in labels]
    seen = [
        leaks.Seen(relative(each.entry.path, listing.root), each.entry.label, split, each.exact, each.near)
        for each, split in [*zip(kept, splits, strict=True), *strange]
    ]
    return leaks.of_pictures(sorted(seen, key=lambda each: each.name))


def _empty(listing: Listing, classes: Sequence[str]) -> list[Finding]:
    names = tuple(name for name in listing.classes if name not in classes)
    if not names:
        return []
    return [found("empty", f"Classes without a picture that can be read are left out: {', '.join(names)}.", names)]


def _require_classes(path: str | Path, listing: Listing, classes: Sequence[str], files: Sequence[Usable]) -> None:
    if len(classes) >= 2:
        return
    if not classes:
        raise DataError(f"None of the {len(listing.entries)} pictures of {path} can be read. Are they whole?")
    lone = listing.root / classes[0]
    hint = f" Did you mean {lone}?" if lone.is_dir() and len(folders(lone)) > 1 else ""
    empty = [name for name in listing.classes if name not in classes]
    other = f" {', '.join(map(repr, empty))} holds none that can be read." if empty else ""
    raise DataError(f"{path} has pictures of one class only, {classes[0]!r}; at least 2 are needed.{other}{hint}")


def _require_pictures(
    path: str | Path, classes: Sequence[str], files: Sequence[Usable], kept: Sequence[Usable]
) -> None:
    """Raise DataError when a class is too small to be learnt from and checked."""
    given = {each.entry.split for each in files}
    free, left = _free(files), _free(kept)
    for name in classes:
        if free[name] == 0:
            others = sorted({str(each.entry.split) for each in files if each.entry.label == name})
            raise DataError(
                f"Class {name!r} of {path} is in {' and '.join(others)}, but not in train. "
                "Add pictures of it to train, or take it out."
            )
        if left[name] == 0:
            raise DataError(
                f"Every training picture of class {name!r} in {path} is in valid or test too, so that none is left to "
                "learn from. Add others, or take the copies out of valid and test; or search with --keep-duplicates."
            )
        if left[name] == 1 and "valid" not in given:
            raise DataError(
                f"Class {name!r} has 1 picture in {path}; at least 2 are needed, "
                "one for training and one for validation."
            )


def _free(files: Sequence[Usable]) -> Counter[str]:
    return Counter(each.entry.label for each in files if each.entry.split in (None, "train"))


def _require_train(dataset: Dataset) -> None:
    for name, count in dataset.counts()["train"].items():
        if not count and any(picture.group for picture in dataset.pictures):
            raise DataError(f"Class {name!r} lies in one group, so none is left to learn from. Give it two groups.")
        if not count:
            raise DataError(
                f"All pictures of class {name!r} show the same as others that were drawn for a later part, so none is "
                "left to learn from. Add others; --keep-duplicates splits them all the same."
            )
    if not dataset.indices("valid"):
        raise DataError(
            f"Nothing of {dataset.root} is left for validation: its pictures are copies. Add others; "
            "--keep-duplicates splits them all the same."
        )


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(expanded(Path(path))))  # noqa: PTH100  (links stay as they are)
