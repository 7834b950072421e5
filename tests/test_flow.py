"""The whole road on made-up pictures: a search, its results, and what is refused before it begins."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import autotl
from autotl import events
from autotl.candidate import TrialRecord, to_plain
from autotl.cli import app
from autotl.errors import ConfigError, DataError, RunError, UnknownPart, WeightsError
from autotl.folder import RunFolder
from autotl.predict import predict
from autotl.report import words
from autotl.report.summary import summary

from .searches import PLUGIN, QUICK, Heard


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """One search that ended, and what it told."""
    heard, out = Heard(), tmp_path_factory.mktemp("runs") / "run"
    result = autotl.search(data, out=out, trials=3, heads=("plain", "dense"), watcher=heard, **QUICK)
    return result, heard


def test_a_search_leaves_a_model_scores_predictions_and_curves(finished):
    result, _ = finished
    assert result.best.state == "complete"
    assert result.metrics["valid"]["accuracy"] == pytest.approx(result.best.score, abs=0.21)
    assert result.metrics["test"]["pictures"] == len(result.dataset.indices("test")) > 0
    low, high = result.metrics["test"]["interval"]
    assert 0 <= low <= result.metrics["test"]["accuracy"] <= high <= 1
    best = result.run / "best"
    assert {file.name for file in best.iterdir()} == {
        "model.keras",
        "labels.json",
        "metrics.json",
        "predictions.csv",
        "curves.png",
        "model_card.md",
        "gallery",
    }
    rows = (best / "predictions.csv").read_text().splitlines()
    assert rows[0] == "path,split,label,predicted,confidence,p_class_0,p_class_1"
    assert len(rows) == 1 + len(result.dataset.indices("valid", "test"))


def test_a_search_ends_with_a_report_of_all_it_found(finished):
    result, heard = finished
    text = result.folder.report.read_text("utf-8")
    assert f">{words.score(result.metrics['test']['accuracy'])}</p>" in text
    assert text.count("<img src=") > 4  # and what speaks for some of them
    assert not [note for note in heard.of(events.Note) if "report" in note.text]


def test_a_report_that_cannot_be_written_costs_no_result(finished, data, monkeypatch):
    result, _ = finished
    monkeypatch.setattr("autotl.report.page.write", lambda result: 1 / 0)
    heard = Heard()
    again = autotl.search(data, out=result.run, trials=3, heads=("plain", "dense"), watcher=heard, **QUICK)
    assert again.metrics == result.metrics
    assert [note.warning for note in heard.of(events.Note) if "autotl report" in note.text] == [True]


def test_the_leaderboard_is_best_first_and_the_first_trial_is_the_default_recipe(finished):
    result, heard = finished
    scores = [record.score for record in result.leaderboard if record.state == "complete"]
    assert scores == sorted(scores, reverse=True)
    assert [record.number for record in sorted(result.leaderboard, key=lambda r: r.number)] == [0, 1, 2]
    first = heard.of(events.TrialBegan)[0].candidate
    assert (first.head, first.augmentation, first.unfrozen_layers) == ("dense", "none", 0)


def test_the_result_predicts_and_exports(finished, tmp_path):
    result, _ = finished
    paths = [picture.path for picture in result.dataset.pictures[:3]]
    predictions = result.predict(paths)
    assert [prediction.path for prediction in predictions] == paths
    assert all(prediction.label in result.dataset.classes for prediction in predictions)
    written = result.export(tmp_path / "mine.keras")
    import keras

    model = keras.models.load_model(written)
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_shape == (None, 2)


def test_only_weights_that_may_still_win_are_kept(finished):
    result, _ = finished
    kept = {int(file.parent.name) for file in result.run.glob("trials/*/weights.npz")}
    assert result.best.number in kept
    assert len(kept) <= 3


def test_the_log_has_a_line_for_each_event(finished):
    result, _ = finished
    lines = [json.loads(line) for line in (result.run / "log.jsonl").read_text().splitlines()]
    kinds = {line["event"] for line in lines}
    assert {"SearchBegan", "BackboneResolved", "TrialBegan", "EpochEnded", "TrialEnded", "SearchEnded"} <= kinds
    assert [line["elapsed"] for line in lines] == sorted(line["elapsed"] for line in lines)


def test_labels_are_looked_at_once_the_backbones_are_probed(finished):
    result, _ = finished
    assert (result.run / "suspects.json").is_file()
    assert {each.split for each in result.suspects} <= {"train", "valid"}
    with np.load(result.folder.opinions("speck"), allow_pickle=False) as file:
        assert sorted(file["places"]) == list(result.dataset.indices("train", "valid"))
        assert file["said"].sum(axis=1) == pytest.approx(1)


def test_the_same_search_elsewhere_gives_the_same_to_the_last_digit(finished, data, tmp_path):
    result, _ = finished
    again = autotl.search(
        data, out=tmp_path / "run", trials=3, heads=("plain", "dense"), cache=str(tmp_path / "cache"), **QUICK
    )
    assert len(again.records) == 3
    assert [timeless(record) for record in again.records] == [timeless(record) for record in result.records[:3]]
    for number in (record.number for record in again.records):
        np.testing.assert_array_equal(np.load(again.folder.valid(number)), np.load(result.folder.valid(number)))
    assert again.best.candidate == result.best.candidate
    assert again.metrics["test"]["log_loss"] == result.metrics["test"]["log_loss"]
    assert again.suspects == result.suspects


def timeless(record: TrialRecord) -> dict:
    """Return a record without what a clock has a say in."""
    plain = to_plain(record)
    del plain["seconds"], plain["latency_ms"]
    for row in plain["history"]:
        del row["seconds"]
    return plain


def test_a_run_copied_to_another_machine_needs_neither_data_nor_plugins(finished, data, tmp_path):
    result, _ = finished
    picture = shutil.copy(result.dataset.pictures[0].path, tmp_path)
    (label,) = [each.label for each in result.predict([picture])]
    copy = RunFolder(shutil.copytree(result.run, tmp_path / "copy"))
    for file in (copy.config, copy.dataset, copy.origin):
        file.write_text(file.read_text().replace(str(data), "/gone/data").replace(PLUGIN, "/gone/plugin.py"))
    hidden = data.rename(data.with_name("hidden"))
    try:
        run = CliRunner().invoke
        for command in ("leaderboard", "suspects"):
            done = run(app, [command, str(copy.path)])
            assert done.exit_code == 0, done.output
        there = autotl.open_run(copy.path)
        assert [record.number for record in there.leaderboard] == [record.number for record in result.leaderboard]
        assert "speck" in summary_of(there)
        assert [each.label for each in there.predict([picture])] == [label]
        written = there.export(tmp_path / "out")
        assert [each.label for each in predict(written, [picture])] == [label]
    finally:
        hidden.rename(data)


def summary_of(result) -> str:
    console = Console(width=100, record=True, markup=False, file=io.StringIO())
    console.print(summary(result, console))
    return console.export_text()


def test_another_search_in_the_same_folder_is_refused_by_name(finished, data):
    result, _ = finished
    with pytest.raises(RunError, match="metric was 'accuracy' and is 'macro_f1'"):
        autotl.search(data, out=result.run, trials=3, heads=("plain", "dense"), metric="macro_f1", **QUICK)


def test_the_same_command_again_keeps_the_trials_and_goes_on(finished, data):
    result, _ = finished
    again = autotl.search(data, out=result.run, trials=3, heads=("plain", "dense"), **QUICK)
    assert [r.number for r in again.records] == [0, 1, 2]
    heard = Heard()
    more = autotl.search(data, out=result.run, trials=4, heads=("plain", "dense"), watcher=heard, **QUICK)
    assert [record.number for record in more.records] == [0, 1, 2, 3]
    assert len(heard.of(events.TrialEnded)) == 1
    assert len(heard.of(events.SearchBegan)[0].finished) == 3


def test_the_parent_never_imports_keras_or_tensorflow(data, tmp_path):
    code = (
        "import sys, autotl\n"
        f"autotl.search({str(data)!r}, out={str(tmp_path / 'run')!r}, trials=1, heads=('plain',), "
        f"plugins=({PLUGIN!r},), backbones=('speck',), augmentations=('none',), epochs=1)\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_backbone_without_weights_is_named_and_left_out(data, tmp_path):
    heard = Heard()
    settings = {**QUICK, "backbones": ("speck", "needy")}
    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("plain",), watcher=heard, **settings)
    assert result.best.candidate.backbone == "speck"
    (problem,) = [event.problem for event in heard.of(events.BackboneResolved) if event.problem]
    assert "--weights needy=PATH" in problem
    with pytest.raises(WeightsError, match=r"No backbone can be used.*needy=PATH"):
        autotl.search(data, out=tmp_path / "other", trials=1, heads=("plain",), **{**QUICK, "backbones": ("needy",)})


@pytest.fixture(scope="module")
def shared(data, tmp_path_factory):
    """A search by two workers for a metric that is better when lower."""
    out, heads = tmp_path_factory.mktemp("runs") / "run", ("plain", "dense")
    return autotl.search(data, out=out, trials=4, workers=2, heads=heads, metric="log_loss", **QUICK)


def test_several_workers_share_the_trials(shared):
    assert sorted(record.number for record in shared.records) == [0, 1, 2, 3]
    assert (shared.run / "worker-1.log").is_file()


def test_a_metric_that_is_better_when_lower_guides_the_search(shared):
    scores = [record.score for record in shared.leaderboard]
    assert scores == sorted(scores)
    assert shared.best.score == shared.best.metrics["log_loss"]
    assert len(shared.metrics["test"]["interval"]) == 2


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"heads": ("plan",)}, UnknownPart, "Did you mean 'plain'"),
        ({"weights": {"spek": "random"}}, UnknownPart, "Did you mean 'speck'"),
        ({"pins": {"learning_rte": 1}}, ConfigError, "Did you mean 'learning_rate'"),
        ({"epochs": 0}, ConfigError, "epochs=0"),
        ({"epoch": 3}, ConfigError, "Did you mean 'epochs'"),
        ({"seconds": float("inf")}, ConfigError, "seconds"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_made(data, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        autotl.search(data, out=tmp_path / "run", **{**QUICK, "trials": 1, **settings})
    assert not (tmp_path / "run").exists()


def test_missing_data_leave_no_run_folder(tmp_path):
    with pytest.raises(DataError):
        autotl.search(tmp_path / "nowhere", out=tmp_path / "run", trials=1)
    assert not (tmp_path / "run").exists()
