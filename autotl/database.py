"""The file of a study: how SQLite writes it, and what its errors mean to a user."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autotl.errors import RunError
from autotl.faults import GO_ON

_DISK = ("full", "disk i/o", "readonly")


class Connection(sqlite3.Connection):
    """Writes a log that is synchronised now and then, instead of waiting for the disk at every number.

    A kill loses nothing so, a power cut the last moments; waiting for the disk took 0.4 s a trial.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=NORMAL")


def address(path: Path) -> str:
    """Return the URL by which SQLAlchemy opens a study, whatever signs its name has."""
    return f"sqlite:///{quote(str(path.resolve()))}"


def read_only(path: Path) -> str:
    """Return the URL by which SQLAlchemy opens a study that it cannot change, even while a search writes it."""
    where = path.resolve()
    mode = "mode=ro" if os.access(where.parent, os.W_OK) else "immutable=1"  # the log needs a file beside it
    return f"sqlite:///file:{quote(quote(str(where)))}?{mode}&uri=true"  # unquoted by SQLAlchemy, then by SQLite


def explained(path: Path, error: BaseException) -> RunError | None:
    """Return in words what SQLite said at the bottom of an error, None when it said nothing."""
    below: BaseException | None = error
    while below is not None and not isinstance(below, sqlite3.Error):
        below = below.__cause__ or below.__context__
    if below is None:
        return None
    if any(word in str(below).lower() for word in _DISK):
        return RunError(f"The study {path} cannot be written ({below}). Free some space on its disk. {GO_ON}")
    return RunError(f"The study {path} cannot be used ({below}). Start a new search with --out.")
