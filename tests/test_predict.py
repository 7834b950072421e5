from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autotl.errors import DataError, RunError
from autotl.evaluate import evaluate
from autotl.predict import Prediction, load_model, pictures_in, predict, write_csv

from .saved_model import SIZE, save, save_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Return a folder of three dark and two bright pictures, in class folders."""
    for name, grey in {"dark/a": 0, "dark/b": 60, "dark/in/c": 90, "bright/d": 255, "bright/e": 200}.items():
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), (grey, grey, grey)).save(path)
    return tmp_path / "pictures"


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


def test_pictures_are_labelled_in_the_order_given(run, pictures):
    made = predict(run, [pictures / "bright" / "d.png", str(pictures / "dark")])
    assert [Path(each.path).name for each in made] == ["d.png", "a.png", "b.png", "c.png"]
    assert [each.label for each in made] == ["bright", "dark", "dark", "dark"]
    assert all(each.confidence == max(each.probabilities.values()) > 0.5 for each in made)
    assert all(sum(each.probabilities.values()) == pytest.approx(1, abs=1e-5) for each in made)
    assert list(made[0].probabilities) == ["bright", "dark"]
    assert list(made[1].probabilities) == ["dark", "bright"]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_batch_size_changes_nothing(run, pictures, batch_size):
    told = []
    made = predict(run, [pictures], batch_size=batch_size, on_progress=lambda *step: told.append(step))
    expected = predict(run, [pictures])
    assert [each.label for each in made] == [each.label for each in expected]
    assert [each.confidence for each in made] == pytest.approx([each.confidence for each in expected])
    assert told[-1] == (5, 5)


def test_top_keeps_the_most_probable(run, pictures):
    assert [list(each.probabilities) for each in predict(run, [pictures / "dark"], top=1)] == [["dark"]] * 3


def test_what_cannot_be_read_has_a_problem_and_stops_nothing(run, pictures):
    (pictures / "dark" / "text.jpg").write_text("no picture")
    missing, text, *rest = predict(run, [pictures / "none.png", pictures / "dark" / "text.jpg", pictures / "bright"])
    assert missing.label is None
    assert "there is no such file" in missing.problem
    assert "not a picture of a known kind" in text.problem
    assert [each.label for each in rest] == ["bright", "bright"]
    assert not any(each.problem for each in rest)


def test_only_unreadable_pictures_are_problems_too(run, tmp_path):
    (made,) = predict(run, [tmp_path / "none.png"])
    assert (made.label, made.confidence, made.probabilities) == (None, 0.0, {})


def test_a_csv_names_pictures_too(pictures):
    (pictures / "list.csv").write_text("filename\ndark/a.png\nbright/d.png\n")
    assert pictures_in([pictures / "list.csv"]) == [pictures / "dark" / "a.png", pictures / "bright" / "d.png"]


@pytest.mark.parametrize("paths", [[], ["empty"]])
def test_nothing_to_predict_is_refused(run, tmp_path, paths):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture to predict"):
        predict(run, [tmp_path / path for path in paths])


def test_predictions_become_a_table(tmp_path):
    made = [
        Prediction("a, b.png", "dog", 0.75, {"dog": 0.75, "cat": 0.25}),
        Prediction("c.png", None, 0.0, problem="it is cut off"),
    ]
    file = write_csv(made, tmp_path / "new" / "table.csv")
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert rows == [
        {
            "path": "a, b.png",
            "label": "dog",
            "confidence": "0.750000",
            "problem": "",
            "p_cat": "0.250000",
            "p_dog": "0.750000",
        },
        {"path": "c.png", "label": "", "confidence": "", "problem": "it is cut off", "p_cat": "", "p_dog": ""},
    ]


def test_a_table_of_top_labels_leaves_the_others_blank(tmp_path):
    made = [Prediction("a", "dog", 0.7, {"dog": 0.7}), Prediction("b", "cat", 0.6, {"cat": 0.6})]
    lines = write_csv(made, tmp_path / "table.csv").read_text().splitlines()
    assert lines[1:] == ["a,dog,0.700000,,,0.700000", "b,cat,0.600000,,0.600000,"]


def test_evaluation_counts_right_and_wrong(run, pictures):
    (pictures / "dark" / "a.png").rename(pictures / "bright" / "a.png")
    (pictures / "bright" / "text.jpg").write_text("no picture")
    found = evaluate(run, pictures)
    assert found.pictures == 5
    assert found.classes == ("dark", "bright")
    assert found.confusion == [[2, 0], [1, 2]]
    assert found.metrics["accuracy"] == 0.8
    assert found.per_class["bright"] == pytest.approx({"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3.0})
    assert len(found.problems) == 1
    assert "text.jpg" in found.problems[0]


def test_evaluation_needs_neither_all_classes_nor_many_pictures(run, pictures):
    (pictures / "one.csv").write_text("path,label\nbright/d.png,bright\n")
    found = evaluate(run, pictures / "one.csv")
    assert found.metrics["accuracy"] == found.metrics["balanced_accuracy"] == 1.0
    assert found.per_class["dark"]["support"] == 0


def test_evaluation_refuses_classes_that_the_model_does_not_know(run, pictures):
    (pictures / "bright").rename(pictures / "blinding")
    with pytest.raises(DataError, match="does not know 'blinding'"):
        evaluate(run, pictures)


def test_evaluation_of_nothing_readable_is_refused(run, tmp_path):
    (tmp_path / "dark").mkdir()
    (tmp_path / "dark" / "a.png").write_text("no picture")
    with pytest.raises(DataError, match="None of the 1 pictures"):
        evaluate(run, tmp_path)
