"""Sample data that need no network: the handwritten digits that scikit-learn carries."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from autotl.errors import DataError

SIDE = 32  # pixels; scikit-learn's are 8, too few for any backbone


def digits(folder: Path) -> int:
    """Write 1797 handwritten digits as `folder/CLASS/NUMBER.png` and return how many there are.

    The folder appears whole or not at all; one that holds them already is left as it is. Raises DataError when
    it holds anything else. Source: https://archive.ics.uci.edu/dataset/80 (8x8 pixels, 16 greys).
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    names = _names([int(label) for label in labels])
    if _is_taken(folder, names):
        return len(names)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, image in zip(names, images, strict=True):
            _write(partial / name, image.reshape(8, 8))
        partial.chmod(0o755)  # mkdtemp lets nobody else in
        if folder.is_dir():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return len(names)


def _names(labels: list[int]) -> list[str]:
    """Return `CLASS/NUMBER.png` for each label, numbered within its class."""
    counts = dict.fromkeys(labels, 0)
    names = []
    for label in labels:
        names.append(f"{label}/{counts[label]:04}.png")
        counts[label] += 1
    return names


def _is_taken(folder: Path, names: list[str]) -> bool:
    """Return whether the sample is there already; raises DataError when something else is."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if held == set(names):
        return True
    raise DataError(f"{folder} is not empty, and not this sample. Name another folder: nothing there was touched.")


def _write(path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    small = Image.fromarray(np.rint(pixels * (255 / 16)).astype(np.uint8))
    small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
