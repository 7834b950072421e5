"""The feature store: arrays on disk, named by what they hold, shared by trials, searches and processes.

An entry is a folder with the array (`data.npy`, memory-mapped) and `about.json`. It is written under a
temporary name, checksummed and renamed, so a half-written entry is never read. Entries that were not used
for longest go first when the quota is reached.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from autotl.errors import AutotlError
from autotl.transfer.filling import Filling, fill

About = Mapping[str, str | int | float | bool | None]
Blocks = Iterable[NDArray[Any]]
_STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """An array to be found or computed: what it holds, its shape, its number format."""

    about: About
    shape: tuple[int, ...]
    dtype: str

    @property
    def key(self) -> str:
        """The name of its entry; that of a wider format is the same."""
        return digest(self.about)

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored array: what it holds, its bytes on disk, and when it was last used (seconds since 1970)."""

    key: str
    about: dict[str, Any]
    bytes: int
    used: float


def default_root() -> Path:
    """Return where features are kept unless told otherwise: `AUTOTL_CACHE`, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("AUTOTL_CACHE") or platformdirs.user_cache_path("autotl"))


def digest(about: About) -> str:
    """Return the name of an entry: a hash of what it holds, whatever the order of its fields."""
    return sha256(json.dumps(dict(about), sort_keys=True).encode()).hexdigest()[:32]


class FeatureStore:
    """Arrays under one folder, at most `quota` bytes of them."""

    def __init__(self, root: Path, quota: int) -> None:
        self.root = root
        self.quota = quota
        self._verified: set[str] = set()

    def fetch(self, about: About, shape: tuple[int, ...], dtype: str, blocks: Callable[[], Blocks]) -> NDArray[Any]:
        """Return the array that `about` names, computing it first when it is not there.

        `blocks()` yields consecutive rows until `shape` is full; for the rest see `fetch_all`.
        """
        return self.fetch_all([Wanted(about, shape, dtype)], lambda wanted: ([block] for block in blocks()))[0]

    def fetch_all(
        self, wanted: Sequence[Wanted], blocks: Callable[[Sequence[Wanted]], Iterable[Sequence[NDArray[Any]]]]
    ) -> list[NDArray[Any]]:
        """Return the arrays that are wanted, computing those that are not there in one go.

        `blocks(missing)` yields, again and again, the next rows of each missing array. Values too large for float16
        make an entry float32. Arrays are read-only and memory-mapped. Two processes never compute one entry at once.
        """
        missing = [each for each in wanted if self._open(each.key) is None]
        if missing:
            with self._locks(missing):
                missing = [each for each in missing if self._open(each.key) is None]
                while missing:  # once more only for entries that need a wider format
                    missing = self._write(missing, blocks(missing))
        arrays = [self._open(each.key) for each in wanted]
        found = [array for array in arrays if array is not None]
        if len(found) < len(arrays):
            raise AutotlError(f"The feature store at {self.root} lost an entry just written; is its disk sound?")
        return found

    def find(self, wanted: Wanted) -> NDArray[Any] | None:
        """Return an array that is there already, else None."""
        return self._open(wanted.key)

    def has(self, about: About) -> bool:
        """Return whether an entry is there, without opening it."""
        return (self.root / "features" / digest(about) / "about.json").is_file()

    def entries(self) -> list[Entry]:
        """Return every entry, the one not used for longest first."""
        found = []
        for file in (self.root / "features").glob("*/about.json"):
            try:
                text, stat = file.read_text("utf-8"), file.stat()
                size = (file.parent / "data.npy").stat().st_size
                found.append(Entry(file.parent.name, json.loads(text)["about"], size, stat.st_mtime))
            except (OSError, json.JSONDecodeError, KeyError):
                continue  # another process is removing it
        return sorted(found, key=lambda entry: entry.used)

    def clear(self, older_than_days: float | None = None) -> tuple[int, int]:
        """Remove entries not used for some days, or all; return how many and how many bytes."""
        limit = time.time() - (older_than_days or 0.0) * 86400
        gone = [entry for entry in self.entries() if older_than_days is None or entry.used < limit]
        for entry in gone:
            self._remove(entry.key)
        self._sweep()
        return len(gone), sum(entry.bytes for entry in gone)

    def _open(self, key: str) -> NDArray[Any] | None:
        folder = self.root / "features" / key
        try:
            about = json.loads((folder / "about.json").read_text("utf-8"))
            array: NDArray[Any] = np.load(folder / "data.npy", mmap_mode="r", allow_pickle=False)
            if key not in self._verified:
                if _checksum(array) != about["checksum"]:
                    raise ValueError("wrong checksum")
                self._verified.add(key)
            os.utime(folder / "about.json")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError):
            self._remove(key)  # damaged: compute it again
            return None
        return array

    def _write(self, wanted: Sequence[Wanted], blocks: Iterable[Sequence[NDArray[Any]]]) -> list[Wanted]:
        """Write entries side by side; return, in a wider format, those that could not hold their values."""
        self._make_room(sum(each.bytes for each in wanted))
        folders = [self.root / "features" / f".{each.key}-{os.getpid()}" for each in wanted]
        try:
            written = []
            for each, folder in zip(wanted, folders, strict=True):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                written.append(Filling(folder / "data.npy", each.shape, each.dtype))
            fill(written, blocks)
            for each, filling, folder in zip(wanted, written, folders, strict=True):
                if not filling.too_narrow:
                    self._keep(each, filling, folder)
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
        pairs = zip(wanted, written, strict=True)
        return [replace(each, dtype="float32") for each, filling in pairs if filling.too_narrow]

    def _keep(self, each: Wanted, filling: Filling, folder: Path) -> None:
        checksum = filling.close()
        described = {"about": dict(each.about), "shape": each.shape, "dtype": each.dtype, "checksum": checksum}
        (folder / "about.json").write_text(json.dumps(described), "utf-8")
        folder.rename(self.root / "features" / each.key)
        self._verified.add(each.key)

    def _make_room(self, needed: int) -> None:
        """Remove the least recently used entries until `needed` bytes fit under the quota and on the disk."""
        self._sweep()
        kept = self.entries()
        total = sum(entry.bytes for entry in kept)
        free = shutil.disk_usage(_existing(self.root)).free
        for entry in kept:
            if total + needed <= self.quota and needed + (1 << 28) <= free:
                return
            self._remove(entry.key)
            total -= entry.bytes
            free += entry.bytes
        if needed + (1 << 28) > free:
            raise AutotlError(
                f"The feature store at {self.root} needs {needed / 1e9:.1f} GB, but the disk has {free / 1e9:.1f} GB "
                "free. Free some, name another place with --cache, or use a smaller --image-size."
            )

    def _sweep(self) -> None:
        """Remove what interrupted writers left behind long ago."""
        for folder in (self.root / "features").glob(".*-*"):
            try:
                if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            except FileNotFoundError:
                continue

    def _remove(self, key: str) -> None:
        """Rename first: a reader that has the array open keeps it, and no one opens half of it."""
        folder = self.root / "features" / key
        grave = folder.with_name(f".{key}-gone-{os.getpid()}")
        try:
            folder.rename(grave)
        except OSError:
            return
        self._verified.discard(key)
        shutil.rmtree(grave, ignore_errors=True)

    @contextmanager
    def _locks(self, wanted: Sequence[Wanted]) -> Iterator[None]:
        """Hold the locks of entries, taken in one order everywhere, so that no two processes wait for each other."""
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            for key in sorted(each.key for each in wanted):
                held.enter_context(FileLock(locks / f"{key}.lock"))
            yield


def _checksum(array: NDArray[Any], block: int = 1 << 22) -> int:
    flat = array.reshape(-1)
    checksum = 0
    for start in range(0, flat.size, block):
        checksum = zlib.crc32(np.ascontiguousarray(flat[start : start + block]).data, checksum)
    return checksum


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
