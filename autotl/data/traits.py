"""What is odd about a picture that can be read: how it is stored, how it is named, its size and shape."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageFile

from autotl.data.colour import DEEP

TINY = 32  # pixels a side: half of what the smallest backbone expects
HUGE = 40  # million pixels: a second to decode
NARROW = 4  # times longer than wide
_SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png"},
    "BMP": {".bmp", ".dib"},
    "GIF": {".gif"},
    "WEBP": {".webp"},
    "TIFF": {".tif", ".tiff"},
}
_SAME = {"MPO": "JPEG", "DIB": "BMP"}  # a phone's JPEG with a second picture behind it; a BMP without its first header


def stored(image: ImageFile.ImageFile, path: Path) -> list[tuple[str, str]]:
    """Return (kind, detail) for all that is odd in how an opened picture is stored; it need not be loaded yet."""
    kind = _SAME.get(image.format or "", image.format or "")
    told = []
    if path.suffix.lower() not in _SUFFIXES.get(kind, {path.suffix.lower()}):
        told.append(("wrong_suffix", kind))
    if image.mode == "CMYK":
        told.append(("cmyk", ""))
    if image.mode in DEEP or ";16" in str([tile[3] for tile in image.tile]):
        told.append(("deep", ""))
    if image.mode in ("P", "PA"):
        told.append(("palette", ""))
    if image.format != "MPO" and getattr(image, "is_animated", False):
        told.append(("animated", ""))
    return told


def shaped(width: int, height: int) -> list[tuple[str, str]]:
    """Return (kind, detail) for all that is odd in a picture's size and shape, in pixels."""
    size = f"{width}x{height}"
    told = []
    if min(width, height) < TINY:
        told.append(("tiny", size))
    if width * height > HUGE * 10**6:
        told.append(("huge", size))
    if max(width, height) > NARROW * min(width, height):
        told.append(("narrow", size))
    return told
