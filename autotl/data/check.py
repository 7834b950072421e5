"""Reads every file once: its hash, its size, and whether all of it can be decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from PIL import Image

from autotl.data.colour import to_rgb
from autotl.data.decode import FORMATS, OnProgress, hush, in_threads, is_sideways, reason, turn_of


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file was found to be; `problem` says why it cannot be used, empty when it can.

    `width` and `height` are in pixels, as displayed.
    """

    digest: str
    width: int = 0
    height: int = 0
    problem: str = ""


def check(paths: Sequence[Path], on_progress: OnProgress | None = None) -> Iterator[Checked]:
    """Yield what each file was found to be, in order, reading in threads."""
    hush()
    return in_threads(check_one, paths, on_progress)


def check_one(path: Path) -> Checked:
    """Read one file whole and return what it was found to be; never raises."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Checked("", problem=reason(error))
    if not content:
        return Checked("", problem="it is empty")
    digest = blake2b(content, digest_size=16).hexdigest()
    try:
        width, height = _size(content)
    except Exception as error:  # Pillow lets the errors of many decoders through
        return Checked(digest, problem=reason(error))
    return Checked(digest, width, height)


def _size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        image.draft(None, (1, 1))  # an eighth of a JPEG's size: as sure to notice a cut, and faster
        image.load()
        to_rgb(image)  # so that no colour mode can surprise later
        return (height, width) if is_sideways(turn_of(image)) else (width, height)
