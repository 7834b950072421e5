from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from autotl import events
from autotl.candidate import Candidate, TrialRecord
from autotl.config import SearchConfig, make
from autotl.data.dataset import Dataset, Finding, Picture
from autotl.folder import RunFolder, write_whole

SPLITS = ("train", "train", "valid", "test")


def trial(
    number: int, state: str = "complete", score: float | None = 0.9, backbone: str = "mobilenet_v2"
) -> TrialRecord:
    candidate = Candidate(
        backbone, "dense", "flip_crop", 224, 9, 10, {"learning_rate": 3.2e-4, "head.dense.units": 256}
    )
    history = tuple(
        {
            "epoch": float(epoch),
            "loss": math.exp(-epoch / 3),
            "accuracy": 1 - 0.5 * math.exp(-epoch / 3),
            "valid_loss": math.exp(-epoch / 4),
            "valid_accuracy": 0.9 - 0.5 * math.exp(-epoch / 3),
            "score": 0.9 - 0.5 * math.exp(-epoch / 3),
            "seconds": 1.5,
        }
        for epoch in range(1, 6)
    )
    reason = "the worker ran out of memory" if state == "failed" else ""
    return TrialRecord(number, state, candidate, score, 4, {}, 12.5, reason, history)


@pytest.fixture
def dataset() -> Dataset:
    pictures = tuple(Picture(f"/data/{i}.jpg", i % 2, SPLITS[i % 4], f"{i:064x}", 500, 375) for i in range(40))
    finding = Finding("unreadable", "1 file cannot be read and is left out: [red]a.jpg", ("[red]a.jpg",))
    return Dataset("/data", ("ants", "bees"), pictures, (finding,))


@pytest.fixture
def config() -> SearchConfig:
    return make(data="data/insects", out="runs/insects", seconds=300.0)


@pytest.fixture
def began(config: SearchConfig, dataset: Dataset) -> events.SearchBegan:
    return events.SearchBegan(config, dataset, "runs/insects")


@pytest.fixture
def screen() -> Callable[..., Console]:
    def make_console(width: int = 80, height: int = 24, terminal: bool = True, encoding: str = "utf-8") -> Console:
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", write_through=True)
        return Console(
            file=file,
            width=width,
            height=height,
            force_terminal=terminal,
            markup=False,
            emoji=False,
            highlight=False,
            color_system="truecolor" if terminal else None,
            legacy_windows=False,
            _environ={},
        )

    return make_console


@pytest.fixture
def run(tmp_path: Path, config: SearchConfig, dataset: Dataset) -> Path:
    """A run folder as a finished search leaves it."""
    path = tmp_path / "my run"
    folder = RunFolder(path)
    write_whole(folder.config, config.to_toml())
    write_whole(folder.dataset, dataset.to_json())
    for record in (trial(0, score=0.9), trial(1, "pruned", 0.7), trial(2, "failed", None), trial(3, score=0.95)):
        folder.save_record(record)
    scores = {"accuracy": 0.95, "balanced_accuracy": 0.94, "macro_f1": 0.93, "log_loss": 0.123}
    calibration = {"calibration_error": 0.021, "before": {"log_loss": 0.15, "calibration_error": 0.058}, "pictures": 10}
    bounds = {name: [score - 0.1, score + 0.02] for name, score in scores.items()}
    test = {**scores, "accuracy": 0.9, "interval": [0.8, 0.97], "intervals": {**bounds, "accuracy": [0.8, 0.97]}}
    metrics = {
        "metric": "accuracy",
        "trial": 3,
        "valid": {**scores, **calibration},
        "test": {**test, **calibration},
        "optimism": {"best": 0.95, "corrected": 0.921, "low": 0.85, "high": 0.98, "trials": 4, "pictures": 10},
        "repetitions": None,
        "temperature": 1.4159,
        "seconds": 123.0,
        "trials": 4,
    }
    write_whole(folder.metrics, json.dumps(metrics))
    write_whole(folder.model, "a model")
    return path


def printed(console: Console) -> str:
    """Return what was written to a console made by `screen`."""
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.file.encoding)


@pytest.fixture
def text_of() -> Callable[[Console], str]:
    return printed


@pytest.fixture
def record() -> Callable[..., TrialRecord]:
    return trial
