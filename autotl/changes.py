"""What has changed between two data sets, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from autotl.data import Dataset
from autotl.data.listing import relative
from autotl.printable import printable

_NAMED = 3  # pictures of each kind of change


def changes(before: Dataset, now: Dataset) -> list[str]:
    """Return how many pictures are new, gone, changed or relabelled, naming a few; else those in another split.

    A picture is what its bytes are: one that has moved is told only where that gives it another label.
    """
    old, new = _by_digest(before), _by_digest(now)
    old_names = {name for names in old.values() for name in names}
    new_names = {name for names in new.values() for name in names}
    found: dict[str, list[str]] = {"new": [], "gone": [], "changed": [], "relabelled": []}
    for digest in {**old, **new}:
        ours, theirs = new.get(digest, {}), old.get(digest, {})
        for name in [name for name in ours if name not in theirs][: max(0, len(ours) - len(theirs))]:
            found["changed" if name in old_names else "new"].append(name)
        left = [name for name in theirs if name not in ours][: max(0, len(theirs) - len(ours))]
        found["gone"] += [name for name in left if name not in new_names]
        if len(ours) == len(theirs):
            found["relabelled"] += _relabelled(ours, theirs)
    told = [f"{len(names)} {kind} ({_few(names)})" for kind, names in found.items() if names]
    return told or _moved(before, now)


def _relabelled(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the names of copies of a picture with labels that it did not have before."""
    known = Counter(theirs.values())
    known.subtract(ours.values())
    return [name for name, label in ours.items() if known[label] < 0]


def _moved(before: Dataset, now: Dataset) -> list[str]:
    known = Counter((picture.digest, picture.split) for picture in before.pictures)
    known.subtract((picture.digest, picture.split) for picture in now.pictures)
    names = [_name(picture.path, now) for picture in now.pictures if known[picture.digest, picture.split] < 0]
    return [f"{len(names)} in another split ({_few(names)})"] if names else []


def _by_digest(dataset: Dataset) -> dict[str, dict[str, str]]:
    """Return the names of pictures, and their labels, by what is in them."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for picture in dataset.pictures:
        found[picture.digest][_name(picture.path, dataset)] = dataset.classes[picture.label]
    return found


def _name(path: str, dataset: Dataset) -> str:
    root = Path(dataset.root)
    return relative(Path(path), root.parent if root.suffix.lower() in (".csv", ".tsv") else root)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in sorted(names)[:_NAMED])
    return shown + (", …" if len(names) > _NAMED else "")
