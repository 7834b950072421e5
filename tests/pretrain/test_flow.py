from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autotl.builtin.saved import SavedBackbone
from autotl.errors import ConfigError, DataError, RunError
from autotl.pretrain.card import read_card
from autotl.pretrain.flow import pretrain
from autotl.pretrain.settings import make

from .. import pictures

TINY = {"width": 0.125, "image_size": 32, "epochs": 2, "batch_size": 8, "views": 2}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return pictures.write(tmp_path_factory.mktemp("source"), each=20, size=48)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AUTOTL_CACHE", str(tmp_path / "cache"))


def settings(source, tmp_path, **more):
    return make(**{"sources": (str(source),), "out": str(tmp_path / "mine.keras"), **TINY, **more})


def test_a_student_learns_from_labels_and_becomes_a_backbone(source, tmp_path):
    card = pretrain(settings(source, tmp_path, epochs=6, half=True))
    assert card.scores["accuracy"] > 0.7
    assert card.recipe["stored_as"] == "float16"
    assert f"    {card.command}\n" in (tmp_path / "mine.md").read_text("utf-8")
    assert read_card(tmp_path / "mine.keras") == card
    part = SavedBackbone(tmp_path / "mine.keras")
    assert (part.name, part.image_size, part.parameters) == ("mine", 32, card.parameters)
    for size in (32, 64):
        model = part.build(size)
        assert model.input_shape == (None, size, size, 3)
        assert np.isfinite(np.asarray(model(np.full((1, size, size, 3), 128.0, np.float32)))).all()
    assert not (tmp_path / "mine.pretrain").exists()


def test_a_student_learns_what_a_teacher_sees(source, tmp_path):
    told = []
    config = settings(source, tmp_path, teacher="scattering", generated=8, epochs=40, views=4, learning_rate=0.01)
    card = pretrain(config, told.append)
    explained = [row.held["explained"] for row in told if row.held]
    assert card.teacher["name"] == "scattering"
    assert card.scores["explained"] == explained[-1] > 0.2
    assert explained[-1] > explained[0]
    assert [one["pictures"] for one in card.sources] == [40]


def test_what_is_there_is_never_replaced(source, tmp_path):
    (tmp_path / "mine.keras").write_text("precious")
    with pytest.raises(ConfigError, match="there already"):
        pretrain(settings(source, tmp_path))
    assert (tmp_path / "mine.keras").read_text() == "precious"


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"out": "mine.h5"}, ConfigError, "must end with .keras"),
        ({"sources": ("nowhere",)}, DataError, "no folder"),
        ({"sources": ("nowhere",), "teacher": "scattering"}, DataError, "no folder nowhere"),
        ({"generated": 5}, DataError, "Made-up pictures have no labels"),
        ({"probes": ("elsewhere",)}, DataError, "no folder or CSV elsewhere"),
        ({"sources": ("a", "b")}, DataError, "name one labelled folder"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(source, tmp_path, more, error, message):
    with pytest.raises(error, match=message) as raised:
        pretrain(settings(source, tmp_path, **more))
    assert "\n" not in str(raised.value)


def start(source, tmp_path, *more) -> subprocess.Popen:
    tiny = ["--width", "0.125", "--image-size", "32", "--batch-size", "8", "--views", "2"]
    command = [sys.executable, "-m", "autotl", "pretrain", str(source), "-o", str(tmp_path / "mine.keras")]
    return subprocess.Popen([*command, *tiny, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_that_was_killed_goes_on_where_it_was(source, tmp_path):
    process = start(source, tmp_path, "--epochs", "4000")
    standing = tmp_path / "mine.pretrain" / "standing.json"
    until = time.monotonic() + 120
    while not standing.is_file() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert standing.is_file()
    from autotl.pretrain.journal import Journal

    with pytest.raises(RunError, match="begun with other settings"):
        pretrain(settings(source, tmp_path, seed=1, epochs=9))
    config = settings(source, tmp_path, epochs=4000)
    before, _ = Journal(tmp_path / "mine.pretrain").read(config.digest, config_sources(source))
    told = []
    card = pretrain(settings(source, tmp_path, epochs=before.epoch + 1), told.append)
    assert card.recipe["epochs"] == before.epoch + 1
    assert min(row.steps for row in told if row.steps) >= before.steps


def config_sources(source) -> str:
    from autotl.pretrain.sources import find

    return find((str(source),), labelled=True, generated=0, seed=0).fingerprint
