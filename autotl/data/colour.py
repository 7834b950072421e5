"""Brings a picture of any mode to RGB, 8 bits a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a loaded picture as RGB: cut-outs lie on white, deep pixels are scaled to 8 bits."""
    if image.mode in DEEP:
        return Image.fromarray(to_bytes(np.asarray(image))).convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")  # Pillow knows no straight road from La to RGBA
    if image.has_transparency_data:
        return _flatten(image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def to_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale deep pixels to 0..255.

    Whole numbers are taken to have 8, 12 or 16 bits, whichever the largest asks for (scanners and CT store 12
    bits in 16); fractions from 0 to 1 are scaled by 255; anything else is stretched from its least to its most.
    """
    clean = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(clean.min()), float(clean.max())
    whole = np.issubdtype(pixels.dtype, np.integer)
    fitting = [top for top in ((255, 4095, 65535) if whole else (1, 255)) if low >= 0 and high <= top]
    start, top = (0.0, float(fitting[0])) if fitting else (low, high)
    span = top - start or 1.0
    scaled: NDArray[np.uint8] = np.rint((clean - start) * (255 / span)).astype(np.uint8)
    return scaled


def _flatten(image: Image.Image) -> Image.Image:
    if not _is_cut_out(image):
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _is_cut_out(image: Image.Image) -> bool:
    """Tell whether alpha cuts out a shape, as in a logo, or is no transparency at all.

    Some pictures keep other things in alpha: the slices of a public chest CT set a copy of their brightness, with
    hardly one opaque pixel in 988 files. Laid on white they would turn into their negatives. So alpha counts
    when a quarter of what is seen is opaque, or when the colours alone show nothing.
    """
    alpha = np.asarray(image.getchannel("A"))
    seen, opaque = int((alpha > 5).sum()), int((alpha >= 250).sum())
    if opaque == alpha.size or seen == 0:
        return False
    flat = all(low == high for low, high in image.convert("RGB").getextrema())  # type: ignore[misc]
    return flat or opaque >= 0.25 * seen
