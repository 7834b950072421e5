"""What a trial leaves: its epochs, its best weights, and the state from which it can go on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Write weights whole or not at all."""
    _save(path, {f"w{i:05d}": weight for i, weight in enumerate(weights)})


def load_weights(path: Path) -> list[NDArray[Any]]:
    """Return the weights that `save_weights` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in sorted(file.files)]


def save_state(path: Path, trained: Trained, values: list[NDArray[Any]]) -> None:
    """Write a trial that was stopped, so that it can go on: what it left, and the `values` of all that moves."""
    rest = {"history": trained.history, "best_epoch": trained.best_epoch, "score": trained.score}
    arrays: dict[str, NDArray[Any]] = {
        "about": np.frombuffer(json.dumps({**rest, "metrics": trained.metrics}).encode(), np.uint8)
    }
    arrays["probabilities"] = trained.probabilities
    arrays.update({f"w{i:05d}": weight for i, weight in enumerate(trained.weights)})
    arrays.update({f"x{i:05d}": value for i, value in enumerate(values)})
    _save(path, arrays)


def load_state(path: Path, trained: Trained) -> list[NDArray[Any]]:
    """Fill `trained` with what `save_state` wrote, and return the values."""
    with np.load(path, allow_pickle=False) as file:
        for name, value in json.loads(file["about"].tobytes()).items():
            setattr(trained, name, value)
        trained.probabilities = file["probabilities"]
        trained.weights = [file[name] for name in sorted(file.files) if name[0] == "w"]
        return [file[name] for name in sorted(file.files) if name[0] == "x"]


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)
