"""Reads a folder of class folders into memory once: what the articles' scripts call a decoded cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps


@dataclass(frozen=True)
class Labelled:
    """Pictures `(rows, size, size, 3)` uint8 and their labels; `classes` are the names in order."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def read(folder: Path, size: int) -> Labelled:
    """Decode all pictures of a folder, by several threads: Pillow lets go of the interpreter while it decodes."""
    classes = tuple(sorted(each.name for each in folder.iterdir() if each.is_dir()))
    files = [(file, label) for label, name in enumerate(classes) for file in sorted((folder / name).iterdir())]
    with ThreadPoolExecutor() as threads:
        pixels = np.stack(list(threads.map(lambda pair: decode(pair[0], size), files)))
    return Labelled(pixels, np.array([label for _, label in files], np.int64), classes)


def decode(file: Path, size: int) -> NDArray[np.uint8]:
    """Return one picture as RGB, upright, `(size, size, 3)`."""
    with Image.open(file) as picture:
        picture.draft("RGB", (size, size))  # a JPEG is decoded at the scale that is needed
        upright = ImageOps.exif_transpose(picture).convert("RGB")
        return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR))
