"""Why a file cannot be used, as a kind of finding and in words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

_UNKNOWN = "it is not a picture of a known kind"
_CUT = "it is cut off"
_SPECIAL = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}


class NotAFileError(Exception):
    """What lies there is a pipe, a socket, a device or a folder: to read from it might never end."""


def require_file(path: str | Path) -> None:
    """Raise NotAFileError when a path leads to anything but a file, OSError when it leads nowhere."""
    mode = os.stat(path).st_mode  # noqa: PTH116  (Path.stat is twice as slow, and pictures are many)
    if not stat.S_ISREG(mode):
        raise NotAFileError(f"it is {_SPECIAL.get(stat.S_IFMT(mode), 'a device')}, not a file")


@contextmanager
def limited(megapixels: float) -> Iterator[None]:
    """Refuse pictures of more than so many million pixels, by their headers, before they are decoded."""
    before = Image.MAX_IMAGE_PIXELS
    limit(megapixels)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def limit(megapixels: float) -> None:
    """Refuse pictures of more than so many million pixels as `limited` does, from now on in this process."""
    Image.MAX_IMAGE_PIXELS = int(megapixels * 10**6) // 2  # Pillow refuses what has twice as many


def problem(error: BaseException, content: bytes = b"") -> tuple[str, str]:
    """Return why a file could not be read: the kind of finding, and a few words."""
    words = reason(error)
    if isinstance(error, NotAFileError):
        return "special", words
    if isinstance(error, Image.DecompressionBombError):
        return "bomb", words
    if isinstance(error, PermissionError):
        return "locked", words
    if isinstance(error, OSError) and error.strerror:  # the file system speaks, not a decoder
        return "lost", words
    if words == _CUT or is_cut(content):
        return "truncated", _CUT
    return "unreadable", words


def reason(error: BaseException) -> str:
    """Return in a few words why a file could not be read."""
    if isinstance(error, UnidentifiedImageError):
        return _UNKNOWN
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 10**6:.3g} million pixels"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split()).rstrip(".")
    if "truncated" in text.lower():
        return _CUT
    return text or type(error).__name__


def is_cut(content: bytes) -> bool:
    """Tell whether a file begins as a picture does and lacks its end."""
    if content.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" not in content[-4096:]
    if content.startswith(b"\x89PNG\r\n"):
        return b"IEND" not in content[-4096:]
    if content.startswith((b"GIF87a", b"GIF89a")):
        return not content.rstrip(b"\0").endswith(b";")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return len(content) < int.from_bytes(content[4:8], "little") + 8
    if content.startswith(b"BM"):
        return len(content) < int.from_bytes(content[2:6], "little")
    return _is_cut_tiff(content)


def _is_cut_tiff(content: bytes) -> bool:
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(content[:4])
    return order is not None and len(content) < int.from_bytes(content[4:8], order) + 2  # type: ignore[arg-type]
