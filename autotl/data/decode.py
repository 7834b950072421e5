"""From a picture file to an array of one size: the same code for training, prediction and evaluation."""

from __future__ import annotations

import io
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autotl.data.colour import to_rgb
from autotl.data.problems import reason, require_file
from autotl.errors import DataError

Pixels = NDArray[np.uint8]
OnProgress = Callable[[int, int], object]
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF")  # and no other: EPS, for one, starts a program
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 274  # the EXIF tag
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def decode(path: str | Path, size: tuple[int, int]) -> Pixels:
    """Return a picture upright, in RGB, squashed to `size` (height, width), as `(height, width, 3)`.

    Of several frames the first is taken. Raises DataError naming the file and the reason.
    """
    return _decoded(path, size, name=str(path))


def decode_bytes(content: bytes, size: tuple[int, int]) -> Pixels:
    """Return the picture that a file's content shows, as `decode` does; raises DataError with the reason."""
    return _decoded(io.BytesIO(content), size, name="The picture")


def decode_many(
    paths: Sequence[str | Path], size: tuple[int, int], on_progress: OnProgress | None = None
) -> Iterator[tuple[int, Pixels]]:
    """Yield (index, array) for each path, in order, decoding a few pictures ahead in threads.

    Raises DataError at the first that cannot be read.
    """
    for index, made in try_decode_many(paths, size, on_progress):
        if isinstance(made, DataError):
            raise made
        yield index, made


def try_decode_many(
    paths: Sequence[str | Path], size: tuple[int, int], on_progress: OnProgress | None = None, *, ahead: int = 0
) -> Iterator[tuple[int, Pixels | DataError]]:
    """Yield (index, array) as `decode_many` does, and the error in place of what cannot be read.

    At least `ahead` pictures are decoded meanwhile: a batch of them, where batches take their time.
    """

    def attempt(path: str | Path) -> Pixels | DataError:
        try:
            return decode(path, size)
        except DataError as error:
            return error

    return enumerate(in_threads(attempt, paths, on_progress, ahead=ahead))


def in_threads(
    function: Callable[[_Item], _Made], items: Sequence[_Item], on_progress: OnProgress | None = None, *, ahead: int = 0
) -> Iterator[_Made]:
    """Yield `function` of each item, in order; threads run a bounded way ahead, so memory stays bounded too.

    That is a few items for each thread, or `ahead` where those are more.
    """
    threads = _processors() + 1  # one of them waits for the disk
    waiting: deque[Future[_Made]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        rest = iter(items)
        waiting.extend(pool.submit(function, item) for item in islice(rest, max(8 * threads, ahead)))
        done = 0
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
            done += 1
            if on_progress:
                on_progress(done, len(items))
            yield made
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """Return how a loaded picture must be turned to stand upright, from its EXIF; None when it does."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken EXIF block is no reason to lose a picture
        return None


def is_sideways(turn: Image.Transpose | None) -> bool:
    """Return whether a turn swaps width and height."""
    return turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])


def hush() -> None:
    """Keep Pillow's warnings about odd files from the terminal: what matters becomes a finding."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _decoded(source: str | Path | io.BytesIO, size: tuple[int, int], *, name: str) -> Pixels:
    hush()
    try:
        if not isinstance(source, io.BytesIO):
            require_file(source)
        with Image.open(source, formats=FORMATS) as image:
            return _fitted(image, size)
    except Exception as error:  # Pillow lets the errors of many decoders through
        raise DataError(f"{name} cannot be read: {reason(error)}.") from error


def _fitted(image: Image.Image, size: tuple[int, int]) -> Pixels:
    height, width = size
    image.draft(None, (max(size), max(size)))  # a JPEG is decoded at 1/2, 1/4 or 1/8 when that is large enough
    image.load()
    turn = turn_of(image)
    target = (height, width) if is_sideways(turn) else (width, height)
    fitted = to_rgb(image)
    if fitted.size != target:
        fitted = fitted.resize(target, Image.Resampling.BILINEAR, reducing_gap=3.0)
    if turn is not None:
        fitted = fitted.transpose(turn)
    return np.array(fitted)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
