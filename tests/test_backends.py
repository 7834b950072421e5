"""A whole search on each other backend of Keras that is installed, where tensorflow cannot even be imported."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import pictures

PLUGIN = Path(__file__).with_name("troublemakers.py")
SEARCH = ("--backbone", "speck", "--head", "linear", "--augmentation", "none", "--augmentation", "flip_crop")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_search_needs_no_tensorflow_where_keras_runs_on_something_else(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    data, run = pictures.write(tmp_path / "data"), tmp_path / "run"
    broken = tmp_path / "path" / "tensorflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('tensorflow is not to be had')")
    quickly = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # of XLA: the compiling takes longer than what is compiled
    environment = {**os.environ, **quickly, "KERAS_BACKEND": backend, "PYTHONPATH": str(broken.parent)}

    def autotl(*words) -> dict:
        command = [sys.executable, "-m", "autotl", *map(str, words), "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    short = ("--plugin", PLUGIN, "--trials", "2", "--epochs", "4", "--confirm", "0")
    found = autotl("search", data, *SEARCH, *short, "--cache", tmp_path / "cache", "-o", run)
    assert found["versions"]["backend"] == backend
    assert found["valid"]["accuracy"] > 0.6
    records = [json.loads(file.read_text()) for file in run.glob("trials/*/trial.json")]
    assert {record["state"] for record in records} <= {"complete", "pruned"}
    assert any(record["candidate"]["unfrozen_layers"] for record in records)
    assert '"explained": true' in (run / "best" / "gallery" / "gallery.json").read_text()
    assert "Where it looks" in (run / "report.html").read_text("utf-8")
    picture = next(data.rglob("*.png"))
    (predicted,) = autotl("predict", run, picture)
    assert predicted["label"] in {"class_0", "class_1"}
