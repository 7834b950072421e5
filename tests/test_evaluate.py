from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from autotl.data import Dataset, Picture, load_labelled
from autotl.data.check import digest_of
from autotl.errors import DataError
from autotl.evaluate import by_class, confusion, evaluate
from autotl.folder import RunFolder
from autotl.predict import infer, load_model
from autotl.resampling import intervals
from autotl.scorecard import measured

from .saved_model import save_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"))


answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(answers)
def test_what_is_told_of_each_class_is_what_scikit_learn_says(pairs):
    labels, guesses = np.array(pairs).T
    counts = confusion(labels, guesses, 4)
    assert counts.tolist() == confusion_matrix(labels, guesses, labels=np.arange(4)).tolist()
    expected = precision_recall_fscore_support(labels, guesses, labels=np.arange(4), zero_division=0)
    told = by_class("abcd", counts)
    for word, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([told[name][word] for name in "abcd"], column, err_msg=word)


def test_evaluation_counts_right_and_wrong(run, shades):
    (shades / "dark" / "a.png").rename(shades / "bright" / "a.png")
    (shades / "bright" / "text.jpg").write_text("no picture")
    found = evaluate(run, shades)
    assert found.pictures == 5
    assert found.classes == ("dark", "bright")
    assert found.confusion == [[2, 0], [1, 2]]
    assert found.metrics["accuracy"] == 0.8
    assert found.per_class["bright"] == pytest.approx({"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3.0})
    assert len(found.problems) == 1
    assert "text.jpg" in found.problems[0]


def test_evaluation_needs_neither_all_classes_nor_many_pictures(run, shades):
    (shades / "one.csv").write_text("path,label\nbright/d.png,bright\n")
    found = evaluate(run, shades / "one.csv")
    assert found.metrics["accuracy"] == found.metrics["balanced_accuracy"] == 1.0
    assert found.per_class["dark"]["support"] == 0


def test_evaluation_of_classes_that_the_model_does_not_know_is_refused(run, shades):
    for name in ("bright", "dark"):
        (shades / name).rename(shades / f"x{name}")
    with pytest.raises(DataError, match="does not know 'xbright', 'xdark'"):
        evaluate(run, shades)


def test_evaluation_of_nothing_readable_is_refused(run, tmp_path):
    (tmp_path / "dark").mkdir()
    (tmp_path / "dark" / "a.png").write_text("no picture")
    with pytest.raises(DataError, match="None of the 1 pictures"):
        evaluate(run, tmp_path)


def test_classes_that_the_model_or_the_data_lacks_are_told(run, shades):
    (shades / "bright").rename(shades / "green")
    found = evaluate(run, shades)
    assert found.pictures == 3
    assert found.warnings == (
        "Pictures of classes that the model does not know are left out: 2 ('green').",
        "No picture is of 'bright', which the model knows too.",
    )


def test_scores_and_intervals_are_those_of_a_search(run, shades):
    (shades / "dark" / "a.png").rename(shades / "bright" / "a.png")
    entries = load_labelled(shades, ("dark", "bright")).entries
    labels = np.array([("dark", "bright").index(entry.label) for entry in entries])
    made = np.stack(list(infer(load_model(run), [entry.path for entry in entries])))
    found = evaluate(run, shades)
    assert found.metrics == measured(labels, made)
    assert found.intervals == intervals(labels, made)


def test_the_most_confident_mistakes_come_first(run, shades):
    (shades / "dark" / "a.png").rename(shades / "bright" / "a.png")
    (shades / "dark" / "b.png").rename(shades / "bright" / "b.png")
    first, second = evaluate(run, shades).mistakes
    assert (first.path, first.label, first.predicted) == ("bright/a.png", "bright", "dark")
    assert second.path == "bright/b.png"
    assert first.sure > second.sure > 0.5


def test_pictures_that_the_model_has_seen_are_counted(run, shades):
    splits = {"dark/a": "train", "dark/b": "train", "bright/d": "valid", "bright/e": "test"}
    seen = [Picture("moved", 0, split, digest_of(shades / f"{name}.png"), 9, 9) for name, split in splits.items()]
    RunFolder(run).dataset.write_text(Dataset("moved", ("dark", "bright"), tuple(seen)).to_json())
    (warning,) = evaluate(run, shades).warnings
    RunFolder(run).dataset.unlink()
    assert "2 that the model was trained on and 1 that the model was chosen by: the scores flatter" in warning


def test_the_rows_of_an_evaluation_tell_labels_and_problems(run, shades, tmp_path):
    (shades / "bright" / "text.jpg").write_text("no picture")
    evaluate(run, shades, csv=tmp_path / "rows.csv")
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [(Path(row["path"]).name, row["label"], row["predicted"]) for row in rows] == [
        ("d.png", "bright", "bright"),
        ("e.png", "bright", "bright"),
        ("text.jpg", "bright", ""),
        ("a.png", "dark", "dark"),
        ("b.png", "dark", "dark"),
        ("c.png", "dark", "dark"),
    ]
    assert [bool(row["problem"]) for row in rows] == [False, False, True, False, False, False]
