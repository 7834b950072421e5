"""A Listing: which files there are and what they are said to show, before any of them is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autotl.data.dataset import Split
from autotl.data.finding import Finding, found

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"},
)
STRAYS = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
SPELLINGS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "training_set": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "validation_set": "valid",
    "test": "test",
    "testing": "test",
    "test_set": "test",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as listed: `split` and `group` are None where the data give none."""

    path: Path
    label: str
    split: Split | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries of a folder or table; `classes` also names those without any file."""

    root: Path
    entries: tuple[Entry, ...]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def is_picture(path: Path) -> bool:
    """Return whether a file's name says that it is a picture of a kind that can be read."""
    return path.suffix.lower() in SUFFIXES and not is_stray(path)


def is_stray(path: Path) -> bool:
    """Return whether a file or folder is hidden, or left behind by a file manager."""
    return path.name.startswith(".") or path.name.lower() in STRAYS


def folders(folder: Path) -> list[Path]:
    """Return the folders right inside a folder, less the strays, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_stray(path))


def files(folder: Path) -> list[Path]:
    """Return the files right inside a folder, less the strays, by name."""
    return sorted(path for path in folder.iterdir() if not path.is_dir() and not is_stray(path))


def walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the files of a folder and the folders below it, less the strays, by name.

    Links are followed, but no folder is entered twice, nor one of those `above`: links may make loops.
    """
    seen = {_identity(path) for path in above}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        identity = _identity(here)
        if identity in seen:
            continue
        seen.add(identity)
        yield from files(here)
        waiting += reversed(folders(here))


def expanded(path: Path) -> Path:
    """Return a path with `~` as the home folder it stands for, where there is one."""
    try:
        return path.expanduser()
    except RuntimeError:  # a user that nobody knows: a file may be called so
        return path


def relative(path: Path, root: Path) -> str:
    """Return a path as a finding names it: relative to the data where it can be."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def ignored(paths: list[Path], root: Path) -> list[Finding]:
    """Return one finding on files whose names are not those of pictures, if there are any."""
    if not paths:
        return []
    kinds = ", ".join(sorted({path.suffix.lower() or "no suffix" for path in paths}))
    count = f"{len(paths)} file is" if len(paths) == 1 else f"{len(paths)} files are"
    message = f"{count} left out: not pictures that can be read ({kinds})."
    return [found("ignored", message, tuple(relative(path, root) for path in paths))]


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116  (Path.stat is twice as slow, and folders are many)
    return status.st_dev, status.st_ino
