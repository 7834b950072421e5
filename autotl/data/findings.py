"""What a finished Dataset shows by its classes: small, lopsided, spelt twice, or out of a score's sight."""

from __future__ import annotations

from autotl.data.dataset import SPLITS, Dataset
from autotl.data.finding import Finding, found, named
from autotl.data.spelling import alike

LOPSIDED = 10  # times more pictures of one class than of another
FEW = 10  # pictures that a class should have at the least to be learnt from


def of_classes(dataset: Dataset) -> list[Finding]:
    """Return what is found in the names and sizes of classes."""
    return [*_unseen(dataset), *_few(dataset), *_lopsided(dataset), *_spelt_twice(dataset)]


def _unseen(dataset: Dataset) -> list[Finding]:
    """Tell which classes no score will ever see."""
    told = []
    for split in SPLITS[1:]:
        counts = dataset.counts()[split]
        names = tuple(name for name, count in counts.items() if not count)
        if names and len(names) < len(counts):
            message = f"Classes without a picture in {split}, so that no score there knows them: {', '.join(names)}."
            told.append(found("unseen", message, names))
    return told


def _few(dataset: Dataset) -> list[Finding]:
    counts = dataset.counts()["train"]
    names = tuple(name for name, count in counts.items() if count < FEW)
    if not names:
        return []
    shown = named([f"{name}: {counts[name]}" for name in names])
    return [found("few", f"Classes with fewer than {FEW} pictures to learn from: {len(names)} ({shown}).", names)]


def _lopsided(dataset: Dataset) -> list[Finding]:
    counts = dataset.counts()["train"]
    least, most = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[most] <= LOPSIDED * counts[least]:
        return []
    message = f"Class {most!r} has {counts[most]} pictures to learn from, {least!r} only {counts[least]}."
    return [found("lopsided", message, (most, least))]


def _spelt_twice(dataset: Dataset) -> list[Finding]:
    pairs = tuple(alike(dataset.classes))
    if not pairs:
        return []
    shown = named([f"{one!r} and {other!r}" for one, other in pairs])
    return [found("spelt_twice", f"Classes that may be one, spelt twice: {shown}.", sets=pairs)]
