"""Pictures made for tests: stripes and spots that a small network can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write(folder: Path, *, classes: int = 2, each: int = 12, size: int = 32, seed: int = 0) -> Path:
    """Write `each` PNG pictures of each class into `folder/CLASS/` and return the folder."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for label in range(classes):
        place = folder / f"class_{label}"
        place.mkdir(parents=True, exist_ok=True)
        for number in range(each):
            wave = np.sin(np.arange(size) * (0.4 + label * 0.8) + rng.uniform(0, 6))
            picture = 128 + 90 * wave[None, :, None] + rng.normal(0, 20, (size, size, 3))
            Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(place / f"{number}.png")
    return folder
