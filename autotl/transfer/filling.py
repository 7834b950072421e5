"""Arrays on their way into the feature store, written while the next rows are computed."""

from __future__ import annotations

import errno
import math
import os
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP, _LEAST_STEP = 2.0**-11, 2.0**-25  # how far float16 is off at most: of a value, and near 0
_BLUR = 0.01  # of the spread between pictures, that may be lost
_SEEN = 4096  # values of a picture are enough to tell


class Filling:
    """An array on its way to the disk, row by row."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        """Set a file's bytes aside; raises OSError when the disk has no room for them."""
        self.too_narrow = False
        self._array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
        _reserve(path)
        self._rows, self._checksum = 0, 0

    def add(self, block: NDArray[Any]) -> None:
        """Write the next rows; after values that float16 cannot hold, or would blur, nothing more."""
        if self.too_narrow:
            return
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(block, dtype=self._array.dtype)
        if rows.dtype == np.float16 and (_has_infinite(rows) or (not self._rows and _is_blurred(rows))):
            self.too_narrow = True
            return
        self._array[self._rows : self._rows + len(rows)] = rows
        self._checksum = zlib.crc32(rows.data, self._checksum)
        self._rows += len(rows)

    def close(self) -> int:
        """Return the checksum; raises ValueError when rows are missing."""
        if self._rows != len(self._array):
            raise ValueError(f"An entry of {len(self._array)} rows was filled with {self._rows}.")
        # not flushed: every process checks the sum before it reads an entry, so what a power cut took is found
        return self._checksum


def fill(fillings: Sequence[Filling], blocks: Iterable[Sequence[NDArray[Any]]]) -> None:
    """Write all rows, each block while the next one is computed."""

    def add(rows: Sequence[NDArray[Any]]) -> None:
        for filling, block in zip(fillings, rows, strict=True):
            filling.add(block)

    with ThreadPoolExecutor(1) as writer:
        last: Future[None] | None = None
        for rows in blocks:
            if last is not None:
                last.result()
            last = writer.submit(add, rows)
        if last is not None:
            last.result()


def _reserve(path: Path) -> None:
    """Have the disk set all of a file's bytes aside: one that fills up kills who writes to a mapped file.

    Raises OSError when they are not there.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OSError(error.errno, error.strerror, str(path)) from error


def _is_blurred(rows: NDArray[np.float16]) -> bool:
    """Return whether rounding hides how rows differ: values that are large against that, or all tiny.

    One row tells nothing. Rows that are all alike count as blurred: they may have been made so.
    """
    if len(rows) < 2 or not rows.size:
        return False
    flat = rows.reshape(len(rows), -1)
    some = flat[:, :: math.ceil(flat.shape[1] / _SEEN)].astype(np.float32)
    steps = np.maximum(np.abs(some) * _STEP, _LEAST_STEP)
    return bool((steps**2).mean() / 3 > _BLUR**2 * some.var(axis=0).mean())


def _has_infinite(rows: NDArray[np.float16]) -> bool:
    """Return whether a value is not finite, by its bits: numpy's own test is slow in half precision."""
    return bool(((rows.view(np.uint16) & 0x7C00) == 0x7C00).any())
