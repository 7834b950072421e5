"""What the files of a run folder must look like: a folder may come from a stranger, or be half a copy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from autotl.config import Metric, fitting
from autotl.data.dataset import Dataset
from autotl.errors import RunError
from autotl.optimism import Optimism

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Uncalibrated:
    """Scores of probabilities as they came."""

    calibration_error: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Scores:
    """The winner's scores on one part of the pictures."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    pictures: int
    calibration_error: float | None = None
    before: Uncalibrated | None = None
    interval: tuple[float, float] | None = None
    intervals: Mapping[str, tuple[float, float]] | None = None


@dataclass(frozen=True, slots=True)
class Repetitions:
    """What the winner's recipe scored with other seeds."""

    runs: tuple[int, ...]
    scores: tuple[float, ...]
    again: float
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """`metrics.json`, as far as it is shown."""

    metric: Metric
    trial: int
    valid: Scores
    test: Scores | None
    seconds: float
    optimism: Optimism | None = None
    repetitions: Repetitions | None = None
    temperature: float | None = None
    soup: tuple[int, ...] | None = None
    memory: int | None = None
    size_mb: float | None = None
    latency_ms: float | None = None
    over_limit: str = ""


def read(file: Path, kind: type[Thing]) -> tuple[Thing, Any]:
    """Return the content of a JSON file as a kind of thing, and as it is; raises RunError when it is none."""
    try:
        content = file.read_bytes()
        return fitting(kind, content), json.loads(content)
    except (OSError, ValueError) as error:
        raise RunError(f"{file} is not as a search writes it: {error}. Is the run folder a whole copy?") from None


def read_metrics(file: Path) -> dict[str, Any]:
    """Return the winner's scores; raises RunError when the file holds something else."""
    metrics, plain = read(file, Metrics)
    told = metrics.test or metrics.valid
    if metrics.temperature not in (None, 1.0) and (told.before is None or told.calibration_error is None):
        raise RunError(f"{file} is not as a search writes it: it has a temperature, and no calibration error.")
    found: dict[str, Any] = plain
    return found


def read_dataset(file: Path) -> Dataset:
    """Return the pictures of a run; raises RunError when the file holds something else."""
    dataset, _ = read(file, Dataset)
    if not all(0 <= picture.label < len(dataset.classes) for picture in dataset.pictures):
        raise RunError(f"{file} is not as a search writes it: a picture is of no class.")
    return dataset
