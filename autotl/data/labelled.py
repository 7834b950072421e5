"""Reads labelled pictures for a model that is there already: no splits to draw, no least number of anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

from autotl.data.finding import Finding, found, named
from autotl.data.listing import Listing
from autotl.data.load import read
from autotl.data.matching import match
from autotl.errors import DataError


def load_labelled(path: str | Path, classes: Sequence[str]) -> Listing:
    """Return the labelled files of a folder or CSV, their labels spelt as in `classes`.

    Where splits are given with a test part, that part alone is returned. Folders whose names differ from a class
    by a suffix are matched. Pictures of other classes are left out, which is told in the findings, as are `classes`
    without a picture. Raises DataError when there is no picture of any of `classes`.
    """
    listing = read(path)
    tested = tuple(entry for entry in listing.entries if entry.split == "test")
    entries = tested or listing.entries
    names = sorted({entry.label for entry in entries})
    known = match(names, classes, where=str(path))
    strangers = [name for name in names if name not in known]
    if not known:
        raise DataError(f"The model does not know {_quoted(strangers)} of {path}. Its classes: {', '.join(classes)}.")
    spelt = tuple(dataclasses.replace(entry, label=known[entry.label]) for entry in entries if entry.label in known)
    told = [*listing.findings, *_of_classes(len(entries) - len(spelt), strangers, set(classes) - set(known.values()))]
    return dataclasses.replace(listing, entries=spelt, classes=tuple(classes), findings=tuple(told))


def _of_classes(left_out: int, strangers: Sequence[str], missing: Collection[str]) -> list[Finding]:
    told = []
    if strangers:
        message = f"Pictures of classes that the model does not know are left out: {left_out} ({_quoted(strangers)})."
        told.append(found("unknown", message))
    if missing:
        told.append(found("absent", f"No picture is of {_quoted(sorted(missing))}, which the model knows too."))
    return told


def _quoted(names: Sequence[str]) -> str:
    return named([repr(name) for name in names], most=10)
