"""What a trial leaves: its epochs, its best weights, and the state from which it can go on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from autotl.metrics import better

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Trained:
    """One row per epoch, and the best epoch's place, scores, weights and validation probabilities.

    `probabilities` are `(validation pictures, classes)`; `stopped` tells that epochs were left out on demand.
    """

    metric: str
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    score: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)
    weights: list[NDArray[Any]] = field(default_factory=list)
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    stopped: bool = False

    def take(self, row: dict[str, float]) -> bool:
        """Note an epoch; return whether it is the best so far. Ties in the score go to the lower validation loss."""
        best = self.history[self.best_epoch - 1] if self.history else None
        self.history.append(row)
        if best is not None and not better(row["score"], best["score"], self.metric):
            tie = row["score"] == best["score"] and row["valid_loss"] < best["valid_loss"]
            if not tie:
                return False
        self.best_epoch = int(row["epoch"])
        self.score = row["score"]
        self.metrics = {name[6:]: value for name, value in row.items() if name.startswith("valid_")}
        self.metrics.pop("loss", None)
        return True


def get_values(variables: list[Any]) -> list[NDArray[Any]]:
    """Return the values of Keras variables."""
    from keras import ops

    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def set_values(variables: list[Any], values: list[NDArray[Any]]) -> None:
    """Set the values that `get_values` returned."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def save_weights(path: Path, weights: list[NDArray[Any]]) -> None:
    """Write weights whole or not at all, and so that a power cut does not take them."""
    save_arrays(path, {f"w{i:05d}": weight for i, weight in enumerate(weights)}, lasting=True)


def load_weights(path: Path) -> list[NDArray[Any]]:
    """Return the weights that `save_weights` wrote."""
    arrays = _load(path)
    return [arrays[name] for name in sorted(arrays)]


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a .npy whole or not at all, and so that a power cut does not take it."""
    with _whole(path) as file:
        np.save(file, array)
        _sync(file)


def save_state(path: Path, key: str, trained: Trained, values: list[NDArray[Any]]) -> None:
    """Write how far a trial has come: what it has so far, and the `values` of all that moves.

    `key` is its candidate's. The state before is kept beside it: a power cut may tear the last one.
    """
    told = {"key": key, "history": trained.history, "best_epoch": trained.best_epoch, "score": trained.score}
    arrays: dict[str, NDArray[Any]] = {
        "about": np.frombuffer(json.dumps({**told, "metrics": trained.metrics}).encode(), np.uint8)
    }
    arrays["probabilities"] = trained.probabilities
    arrays.update({f"w{i:05d}": weight for i, weight in enumerate(trained.weights)})
    arrays.update({f"x{i:05d}": value for i, value in enumerate(values)})
    if path.is_file():
        path.replace(_earlier(path))
    save_arrays(path, arrays)


def load_state(path: Path, key: str, trained: Trained) -> list[NDArray[Any]] | None:
    """Fill `trained` with the last whole state that `save_state` wrote for a candidate, and return the values.

    None, and nothing filled, where there is none.
    """
    for file in (path, _earlier(path)):
        try:
            arrays = _load(file)
            told = json.loads(arrays.pop("about").tobytes())
            if told.pop("key") != key:
                continue
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            continue
        for name, value in told.items():
            setattr(trained, name, value)
        trained.probabilities = arrays.pop("probabilities")
        trained.weights = [arrays[name] for name in sorted(arrays) if name[0] == "w"]
        return [arrays[name] for name in sorted(arrays) if name[0] == "x"]
    return None


def _earlier(path: Path) -> Path:
    return path.with_name(f"{path.stem}.earlier{path.suffix}")


def _load(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # of a torn file it closes nothing
        return {name: arrays[name] for name in arrays.files}


def save_arrays(path: Path, arrays: dict[str, NDArray[Any]], *, lasting: bool = False) -> None:
    """Write arrays whole or not at all, and if `lasting` so that a power cut does not take them."""
    with _whole(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        if lasting:
            _sync(file)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when all of it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
