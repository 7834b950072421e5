from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from .. import hostile
from ..saved_model import save

FORMATS = Path(__file__).parents[1] / "formats.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that tells bright pictures from dark ones, as a `.keras` file with its labels beside it."""
    import keras

    pixels = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(pixels)
    net = keras.Model(pixels, keras.layers.Dense(2, activation="softmax")(mean))
    net.layers[-1].set_weights([np.array([[-0.1, 0.1]] * 3, np.float32), np.array([38.0, -38.0], np.float32)])
    path = tmp_path_factory.mktemp("model") / "model.keras"
    net.save(path)
    path.with_name("labels.json").write_text(json.dumps({"classes": ["dark", "bright"], "image_size": [8, 8]}))
    return path


@pytest.fixture(scope="module")
def lamps(tmp_path_factory):
    """A model whose exports the formats of the tests can write, which need no Keras to be read."""
    return save(tmp_path_factory.mktemp("lamps") / "lamps.keras")


def test_export_writes_a_file_once(autotl, lamps, tmp_path) -> None:
    wanted = ("export", lamps, "--plugin", FORMATS, "--format", "folder", "-o", tmp_path / "mine")
    assert autotl(*wanted).exit_code == 0
    assert (tmp_path / "mine.model").is_dir()
    refused = autotl(*wanted)
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    assert autotl(*wanted, "--force").exit_code == 0


def test_exports_of_several_formats_are_told_in_a_table_and_as_json(autotl, lamps, tmp_path) -> None:
    wanted = ("--plugin", FORMATS, "--format", "coarse", "--format", "failing", "-o", f"{tmp_path}/")
    done = autotl("export", lamps, *wanted)
    assert done.exit_code == 1
    assert re.search(r"^coarse +float32 .* 100\.0%", done.stdout, re.MULTILINE)
    assert "noise: there are no validation pictures" in done.stdout
    assert f"written: {tmp_path}/lamps.coarse" in done.stdout
    assert "! failing float32 rejected: lamps.model was loaded, but fails: ValueError: out of luck" in done.stdout
    answer = json.loads(autotl("export", lamps, *wanted, "--json", "--force").stdout)
    assert [(one["format"], one["accepted"]) for one in answer] == [("coarse", True), ("failing", False)]
    assert answer[0]["parity"]["difference"] < 1e-5


def test_an_accuracy_cannot_be_asked_for_without_pictures(autotl, model, tmp_path) -> None:
    done = autotl("export", model, "-o", tmp_path / "m", "--assert-accuracy-at-least", "0.9")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no validation pictures to measure accuracy on" in done.stderr
    assert autotl("export", model, "-o", tmp_path / "m", "--assert-accuracy-at-least", "90").exit_code == 2


@pytest.mark.parametrize(
    "command", [("predict", "nowhere", "x.png"), ("evaluate", "nowhere", "d"), ("export", "nowhere", "-o", "f")]
)
def test_a_model_that_is_not_there_is_a_one_line_error(autotl, tmp_path, monkeypatch, command) -> None:
    monkeypatch.chdir(tmp_path)
    done = autotl(*command)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: There is no run folder or model nowhere")


def test_a_model_with_code_in_it_is_refused_by_every_command_in_one_line(autotl, lights, tmp_path) -> None:
    marker = tmp_path / "marker"
    harm = hostile.lambda_model(tmp_path / "harm.keras", marker)
    for arguments in (
        ("predict", harm, lights),
        ("evaluate", harm, lights),
        ("export", harm, "-o", tmp_path / "out.keras"),
        ("search", lights, "--backbone", harm, "-o", tmp_path / "run", "--trials", "1"),
    ):
        done = autotl(*arguments)
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "it holds code" in done.stderr
    assert not marker.exists()
    assert {file.name for file in tmp_path.iterdir()} == {"data", "harm.keras"}
