"""What a finished Dataset shows by itself: leaks between splits, contradicting labels, lopsided classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from autotl.data.dataset import SPLITS, Dataset, Finding, Picture
from autotl.data.listing import relative

LOPSIDED = 10  # times more pictures of one class than of another


def of(dataset: Dataset, root: Path) -> list[Finding]:
    """Return all findings on a dataset; files are named relative to `root`."""
    return [*_unseen(dataset), *_two_labels(dataset, root), *_leaks(dataset, root), *_lopsided(dataset)]


def _unseen(dataset: Dataset) -> list[Finding]:
    """Tell which classes no score will ever see."""
    told = []
    for split in SPLITS[1:]:
        counts = dataset.counts()[split]
        names = tuple(name for name, count in counts.items() if not count)
        if names and len(names) < len(counts):
            message = f"Classes without a picture in {split}, so that no score there knows them: {', '.join(names)}."
            told.append(Finding("unseen", message, names))
    return told


def _two_labels(dataset: Dataset, root: Path) -> list[Finding]:
    copies = [same for same in _same(dataset, lambda picture: picture.digest) if len({p.label for p in same}) > 1]
    message = f"Pictures found under two classes, byte for byte the same: {len(copies)}."
    return _told("two_labels", message, copies, root)


def _leaks(dataset: Dataset, root: Path) -> list[Finding]:
    """Tell what lies in two splits: scores there are too good to be true."""
    copies = [same for same in _same(dataset, lambda picture: picture.digest) if len({p.split for p in same}) > 1]
    message = f"Pictures found in two splits, byte for byte the same: {len(copies)}; scores there flatter."
    groups = [same for same in _same(dataset, lambda picture: picture.group) if len({p.split for p in same}) > 1]
    shared = f"Groups found in two splits: {len(groups)}; scores there flatter."
    return _told("leak", message, copies, root) + _told("group_leak", shared, groups, root)


def _lopsided(dataset: Dataset) -> list[Finding]:
    counts = dataset.counts()["train"]
    least, most = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[most] <= LOPSIDED * counts[least]:
        return []
    message = (
        f"Class {most!r} has {counts[most]} pictures to learn from, {least!r} only {counts[least]}; "
        "--metric balanced_accuracy or macro_f1 weighs classes alike."
    )
    return [Finding("lopsided", message)]


def _same(dataset: Dataset, key: Callable[[Picture], str | None]) -> list[list[Picture]]:
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in dataset.pictures:
        value = key(picture)
        if value is not None:
            found[value].append(picture)
    return [same for same in found.values() if len(same) > 1]


def _told(kind: str, message: str, sets: list[list[Picture]], root: Path) -> list[Finding]:
    files = tuple(relative(Path(picture.path), root) for same in sets for picture in same)
    return [Finding(kind, message, files)] if files else []
