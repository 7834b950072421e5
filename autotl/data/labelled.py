"""Reads labelled pictures for a model that is there already: no splits to draw, no least number of anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from autotl.data.listing import Listing
from autotl.data.load import read
from autotl.data.matching import match
from autotl.errors import DataError


def load_labelled(path: str | Path, classes: Sequence[str]) -> Listing:
    """Return the labelled files of a folder or CSV, their labels spelt as in `classes`.

    Where splits are given with a test part, that part alone is returned. Folders whose names differ from a class
    by a suffix are matched. Raises DataError naming classes that are not among `classes`.
    """
    listing = read(path)
    tested = tuple(entry for entry in listing.entries if entry.split == "test")
    entries = tested or listing.entries
    names = sorted({entry.label for entry in entries})
    known = match(names, classes, where=str(path))
    strangers = [name for name in names if name not in known]
    if strangers:
        raise DataError(
            f"The model does not know {', '.join(map(repr, strangers))} of {path}. Its classes: {', '.join(classes)}."
        )
    spelt = tuple(dataclasses.replace(entry, label=known[entry.label]) for entry in entries)
    return dataclasses.replace(listing, entries=spelt, classes=tuple(classes))
