from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from autotl.candidate import Candidate, TrialRecord
from autotl.cli import app
from autotl.config import make
from autotl.data.dataset import Dataset, Picture
from autotl.folder import RunFolder, write_whole


@pytest.fixture
def autotl():
    """Runs the command line inside this process."""
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, [str(each) for each in arguments], **more)


@pytest.fixture
def lights(tmp_path: Path) -> Path:
    """Two dark and two bright pictures, in class folders."""
    for name, grey in (("dark", 20), ("bright", 230)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (16, 16), (grey + number,) * 3).save(tmp_path / "data" / name / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as a finished search leaves it, without a test part."""
    folder = RunFolder(tmp_path / "run")
    pictures = tuple(Picture(f"/d/{i}.jpg", i % 2, "valid" if i % 3 else "train", f"{i:064x}", 9, 9) for i in range(9))
    write_whole(folder.config, make(data="data", out=str(folder.path)).to_toml())
    write_whole(folder.dataset, Dataset("/d", ("ants", "bees"), pictures).to_json())
    for number, score in enumerate((0.9, 0.95, float("nan"))):
        candidate = Candidate("tiny", "dense", "none", 32, 0, 3, {"learning_rate": 0.001})
        folder.save_record(TrialRecord(number, "complete", candidate, score, 1, {}, 1.5, "", ({"epoch": 1.0},)))
    scores = {"accuracy": 0.95, "balanced_accuracy": 0.94, "macro_f1": 0.93, "log_loss": 0.1, "pictures": 6}
    metrics = {"metric": "accuracy", "trial": 1, "valid": scores, "test": None, "seconds": 9.0, "trials": 3}
    write_whole(folder.metrics, json.dumps(metrics))
    return folder.path
