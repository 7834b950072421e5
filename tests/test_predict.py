from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autotl.errors import DataError, RunError
from autotl.exported import ExportedModel
from autotl.plugins import load_file
from autotl.predict import infer, load_model, predict, predictions

from .saved_model import SIZE, save, save_run

LAYER = """
import keras
import autotl

@keras.saving.register_keras_serializable("strangers")
class Twice(keras.layers.Layer):
    def call(self, pixels):
        return pixels * 2

@autotl.hookimpl
def heads():
    return []
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"))


def test_the_model_of_a_run_comes_with_its_labels_and_size(run):
    loaded = load_model(run)
    assert loaded.classes == ("dark", "bright")
    assert loaded.image_size == SIZE
    assert loaded.probabilities(np.zeros((2, *SIZE, 3), np.uint8)).shape == (2, 2)
    assert load_model(str(run / "best" / "model.keras")).classes == ("dark", "bright")


def test_labels_inside_a_file_count_before_those_beside_it(tmp_path):
    file = save(tmp_path / "m.keras", inside=["in", "side"])
    (tmp_path / "m.labels.json").write_text(json.dumps({"classes": ["be", "side"]}))
    assert load_model(file).classes == ("in", "side")


def test_labels_of_the_same_name_count_before_others_beside(tmp_path):
    file = save(tmp_path / "m.keras")
    assert load_model(file).classes == ("0", "1")
    (tmp_path / "labels.json").write_text(json.dumps({"classes": ["a", "b"]}))
    assert load_model(file).classes == ("a", "b")
    (tmp_path / "m.labels.json").write_text(json.dumps({"classes": ["c", "d"]}))
    assert load_model(file).classes == ("c", "d")


@pytest.mark.parametrize(
    ("told", "size"),
    [({"image_size": [20, 10]}, (20, 10)), ({}, (224, 224)), ({"image_size": [None, None]}, (224, 224))],
)
def test_a_model_for_any_size_is_fed_what_its_labels_say(tmp_path, told, size):
    file = save(tmp_path / "m.keras", size=(None, None))
    (tmp_path / "labels.json").write_text(json.dumps(told))
    assert load_model(file).image_size == size


def test_what_is_no_model_is_refused(tmp_path, run):
    with pytest.raises(RunError, match="There is no run folder or model"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"neither a run folder nor a \.keras file"):
        load_model(tmp_path)
    (tmp_path / "config.toml").write_text((run / "config.toml").read_text())
    with pytest.raises(RunError, match=r"no finished model yet\. Run the same search again"):
        load_model(tmp_path)
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(RunError, match="not a Keras model"):
        load_model(tmp_path / "text.keras")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("a.txt", "no model")
    with pytest.raises(RunError, match="cannot be loaded as a Keras model"):
        load_model(tmp_path / "zip.keras")


def test_a_model_that_takes_no_rgb_is_refused(tmp_path):
    with pytest.raises(RunError, match="not RGB pictures"):
        load_model(save(tmp_path / "m.keras", channels=4))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ('{"classes": ["a"]}', "2 outputs, but its labels name 1"),
        ("{", "not JSON"),
        ('{"classes": 2}', "cannot be read"),
    ],
)
def test_labels_that_cannot_be_are_refused(tmp_path, labels, message):
    file = save(tmp_path / "m.keras")
    (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(RunError, match=message):
        load_model(file)


def test_pictures_are_labelled_in_the_order_given(run, shades):
    made = predict(run, [shades / "bright" / "d.png", str(shades / "dark")])
    assert [Path(each.path).name for each in made] == ["d.png", "a.png", "b.png", "c.png"]
    assert [each.label for each in made] == ["bright", "dark", "dark", "dark"]
    assert all(each.confidence == max(each.probabilities.values()) > 0.5 for each in made)
    assert all(sum(each.probabilities.values()) == pytest.approx(1, abs=1e-5) for each in made)
    assert list(made[0].probabilities) == ["bright", "dark"]
    assert list(made[1].probabilities) == ["dark", "bright"]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_batch_size_changes_nothing(run, shades, batch_size):
    told = []
    made = predict(run, [shades], batch_size=batch_size, on_progress=lambda *step: told.append(step))
    expected = predict(run, [shades])
    assert [each.label for each in made] == [each.label for each in expected]
    assert [each.confidence for each in made] == pytest.approx([each.confidence for each in expected])
    assert told[-1] == (5, 5)


def test_top_keeps_the_most_probable(run, shades):
    assert [list(each.probabilities) for each in predict(run, [shades / "dark"], top=1)] == [["dark"]] * 3


def test_what_cannot_be_read_has_a_problem_and_stops_nothing(run, shades):
    (shades / "dark" / "text.jpg").write_text("no picture")
    missing, text, *rest = predict(run, [shades / "none.png", shades / "dark" / "text.jpg", shades / "bright"])
    assert missing.label is None
    assert "there is no such file" in missing.problem
    assert "not a picture of a known kind" in text.problem
    assert [each.label for each in rest] == ["bright", "bright"]
    assert not any(each.problem for each in rest)


def test_only_unreadable_pictures_are_problems_too(run, tmp_path):
    (made,) = predict(run, [tmp_path / "none.png"])
    assert (made.label, made.confidence, made.probabilities) == (None, 0.0, {})


@pytest.mark.parametrize("paths", [[], ["empty"]])
def test_nothing_to_predict_is_refused(run, tmp_path, paths):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture to predict"):
        predict(run, [tmp_path / path for path in paths])


def test_below_the_threshold_the_model_abstains(run, shades):
    sure = {each.path: each.confidence for each in predict(run, [shades])}
    limit = sorted(sure.values())[2]
    made = predict(run, [shades, "none.png"], threshold=limit)
    assert [each.abstained for each in made] == [sure.get(each.path, 1.0) < limit for each in made]
    assert [each.label is None for each in made[:-1]] == [each.abstained for each in made[:-1]]
    assert sum(each.abstained for each in made) == 2
    assert all(each.confidence == sure[each.path] and each.probabilities for each in made[:-1])


def test_predictions_are_made_as_they_are_asked_for(run, shades):
    told = []
    made = predictions(run, [shades], batch_size=2, on_progress=lambda *step: told.append(step))
    assert (made.classes, made.pictures, told) == (("dark", "bright"), 5, [])
    first = next(iter(made))
    assert told == []
    assert [first, *made] == predict(run, [shades], batch_size=2)
    assert told == [(2, 5), (4, 5), (5, 5)]


@pytest.fixture(scope="module")
def greys(tmp_path_factory) -> list[Path]:
    """Pictures of eight greys, and two files that are none."""
    folder = tmp_path_factory.mktemp("greys")
    for number in range(8):
        Image.new("L", (3, 3), 30 * number).save(folder / f"{number}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG")
    return [*sorted(folder.glob("?.png")), folder / "torn.png", folder / "none.png"]


@settings(max_examples=30, deadline=None)
@given(places=st.lists(st.integers(0, 9), min_size=1, max_size=60), batch_size=st.integers(1, 70))
def test_batches_of_any_size_give_the_same_rows_in_order(greys, places, batch_size):
    shown = []

    def answer(pixels):
        shown.append(len(pixels))
        share = pixels.mean(axis=(1, 2, 3)) / 255
        return np.stack([share, 1 - share], 1).astype(np.float32)

    files = [greys[place] for place in places]
    rows = list(infer(ExportedModel(answer, ("bright", "dark"), (2, 2)), files, batch_size=batch_size))
    for place, row in zip(places, rows, strict=True):
        if place < 8:
            assert row == pytest.approx([30 * place / 255, 1 - 30 * place / 255], abs=1e-6)
        else:
            assert greys[place].name in str(row)
    assert max(shown, default=0) <= batch_size
    assert sum(shown) == sum(place < 8 for place in places)


def test_a_layer_of_a_plugin_is_known_when_its_file_is_named(tmp_path, shades):
    import keras

    (tmp_path / "twice.py").write_text(LAYER)
    with keras.saving.custom_object_scope({}):
        layer = load_file(tmp_path / "twice.py").Twice()
        inputs = keras.Input((*SIZE, 3))
        keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(layer(inputs))).save(tmp_path / "m.keras")
        keras.saving.get_custom_objects().pop("strangers>Twice")
        with pytest.raises(RunError, match=r"m\.keras cannot be loaded as a Keras model: .*Twice.* with --plugin"):
            predict(tmp_path / "m.keras", [shades])
        assert len(predict(tmp_path / "m.keras", [shades], plugins=[tmp_path / "twice.py"])) == 5
        keras.saving.get_custom_objects().pop("strangers>Twice")
