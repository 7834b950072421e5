"""Who owns a run folder, and whether a search may go on in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from autotl.changes import changes
from autotl.config import SearchConfig, default_out
from autotl.data import Dataset
from autotl.errors import RunError
from autotl.folder import RunFolder
from autotl.shapes import read_dataset

# what may differ when a run goes on: none of it changes what a trial gives
MAY_CHANGE = frozenset(
    {"out", "seconds", "trials", "confirm", "soup", "workers", "memory", "epoch_timeout", "cache", "cache_quota"}
)


def in_free_folder(config: SearchConfig) -> SearchConfig:
    """Return the settings with the first default run folder that is free, or that holds this very search."""
    base = default_out(config.data)
    for count in range(1, 10_000):
        out = base if count == 1 else base.with_name(f"{base.name}-{count}")
        if not differences(RunFolder(out), config):
            return config.model_copy(update={"out": str(out)})
    raise RunError(f"All run folders from {base} on are taken. Name one with --out.")


def check_same(folder: RunFolder, config: SearchConfig) -> None:
    """Raise RunError when a folder holds another search, or files that are not ours."""
    different = differences(folder, config)
    if different:
        raise RunError(
            f"The folder {folder.path} cannot hold this search: {'; '.join(different)}. "
            "Name another folder with --out, or repeat the search as it was."
        )
    lead_out = [file for file in folder.path.rglob("*") if file.is_symlink()]
    if lead_out:
        raise RunError(
            f"The folder {folder.path} holds a link, {lead_out[0].name}, through which a search would write elsewhere. "
            "Put the files in its place, or name another folder with --out."
        )


def check_data(folder: RunFolder, dataset: Dataset) -> None:
    """Raise RunError when the pictures are not those that the run began with."""
    if not folder.dataset.is_file() or not folder.study.is_file():
        return
    before = read_dataset(folder.dataset)
    if before.fingerprint != dataset.fingerprint:
        raise RunError(
            f"The pictures in {dataset.root} have changed since the search in {folder.path} began: "
            f"{'; '.join(changes(before, dataset))}. Bring the old ones back, or start a new search with --out."
        )


def differences(folder: RunFolder, config: SearchConfig) -> list[str]:
    """Return in words what keeps a folder from holding a search; nothing for a new or empty folder."""
    if not folder.config.is_file():
        taken = folder.path.is_file() or (folder.path.is_dir() and any(folder.path.iterdir()))
        return ["it holds other things"] if taken else []
    before, now = folder.read_config().model_dump(), config.model_dump()
    changed = [name for name in now if name not in MAY_CHANGE and before[name] != now[name]]
    return [f"{name} was {before[name]!r} and is {now[name]!r}" for name in changed]


@contextmanager
def owned(folder: RunFolder) -> Iterator[None]:
    """Hold a run folder alone; raises RunError naming the process that holds it already."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.path / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"Another search (process {_owner(folder)}) is at work in {folder.path}. "
            "Wait for it, or name another folder with --out."
        ) from None
    except OSError as error:
        raise RunError(f"The run folder {folder.path} cannot be used: {error.strerror}.") from error
    try:
        (folder.path / ".owner").write_text(str(os.getpid()), "utf-8")
        yield
    finally:
        (folder.path / ".owner").unlink(missing_ok=True)
        lock.release()


def _owner(folder: RunFolder) -> str:
    try:
        return (folder.path / ".owner").read_text("utf-8")
    except OSError:
        return "unknown"
