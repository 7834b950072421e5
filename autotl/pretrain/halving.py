"""A saved network in half the bytes: its weights in float16 on disk; plain Keras loads them as float32."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from autotl.errors import RunError

_WEIGHTS = "model.weights.h5"


def halve(file: Path) -> None:
    """Rewrite a `.keras` file with its weights in float16; raises RunError when one is too large for that."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[_WEIGHTS] = _halved(members[_WEIGHTS])
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _halved(content: bytes) -> bytes:
    import h5py

    made = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as old, h5py.File(made, "w") as new:
        new.attrs.update(old.attrs)

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                kept = new.require_group(name)
            else:
                kept = new.create_dataset(name, data=_value(name, item[()]))
            kept.attrs.update(item.attrs)

        old.visititems(copy)
    return made.getvalue()


def _value(name: str, value: Any) -> Any:
    if np.asarray(value).dtype != np.float32:
        return value
    with np.errstate(over="ignore"):
        half = np.asarray(value, np.float16)
    if not np.isfinite(half).all():
        raise RunError(
            f"{name} has values that float16 cannot hold (up to {np.abs(value).max():.3g}); leave --half out."
        )
    return half
