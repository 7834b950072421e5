"""A tiny saved model that tells dark pictures from bright ones, for the tests of what is done with a model."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE = (12, 16)  # not square, so that height and width cannot be mixed up unnoticed


def save(
    path: Path,
    *,
    inside: Sequence[str] | None = None,
    size: tuple[int | None, int | None] = SIZE,
    channels: int = 3,
) -> Path:
    """Save a model of two classes, dark and bright, and perhaps the names of them `inside` the file."""
    import keras
    import numpy as np

    pixels = keras.Input((*size, channels))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(pixels, dense(mean))
    dense.set_weights([np.array([[-4.0, 4.0]] * channels), np.array([2.0 * channels, -2.0 * channels])])
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    if inside is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("labels.json", json.dumps({"classes": list(inside)}))
    return path


def save_run(folder: Path, **settings: object) -> Path:
    """Write what `predict` and `export` need of a finished run."""
    from autotl.config import make

    save(folder / "best" / "model.keras")
    (folder / "best" / "labels.json").write_text(json.dumps({"classes": ["dark", "bright"], "image_size": SIZE}))
    (folder / "config.toml").write_text(make(data="data", out=str(folder), **settings).to_toml())
    return folder
