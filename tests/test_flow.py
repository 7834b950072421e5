"""The whole road on made-up pictures: search, failures, resuming, results."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl import events
from autotl.calibration import calibrated
from autotl.errors import ConfigError, DataError, RunError, TrialError, UnknownPart, WeightsError

from . import pictures

PLUGIN = str(Path(__file__).with_name("troublemakers.py"))
QUICK = {"plugins": (PLUGIN,), "backbones": ("speck",), "augmentations": ("none",), "epochs": 2, "confirm": 0}
ONE_DEPTH = {**QUICK, "pins": {"unfrozen_layers": 0}}  # with seed 0 the first head is tried first, then the second


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return pictures.write(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("AUTOTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


class Heard:
    """Keeps what a search tells."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """One search that ended, and what it told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
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
    }
    rows = (best / "predictions.csv").read_text().splitlines()
    assert rows[0] == "path,split,label,predicted,confidence,p_class_0,p_class_1"
    assert len(rows) == 1 + len(result.dataset.indices("valid", "test"))


def test_the_leaderboard_is_best_first_and_the_first_trial_is_the_default_recipe(finished):
    result, heard = finished
    scores = [record.score for record in result.leaderboard if record.state == "complete"]
    assert scores == sorted(scores, reverse=True)
    assert [record.number for record in sorted(result.leaderboard, key=lambda r: r.number)] == [0, 1, 2]
    first = heard.of(events.TrialBegan)[0].candidate
    assert (first.head, first.augmentation, first.unfrozen_layers) == ("dense", "none", 0)


def test_a_probe_that_wins_becomes_the_model_and_says_what_the_probe_said(data, tmp_path):
    heard = Heard()
    # when the probe has ended there is a result, and no time is left for a trial
    result = autotl.search(data, out=tmp_path / "run", time=0.5, heads=("linear",), watcher=heard, **QUICK)
    (record,) = result.records
    assert (result.best, record.probe, record.history) == (record, True, ())
    (probed,) = result.probes
    assert (probed.backbone, probed.trial, probed.valid) == ("speck", record.number, record.score)
    assert heard.of(events.Probed) == [probed]
    assert heard.of(events.TrialBegan) == []
    said = np.load(result.folder.valid(record.number))
    rows = list(csv.DictReader((result.folder.best / "predictions.csv").read_text().splitlines()))
    valid = [[float(row["p_class_0"]), float(row["p_class_1"])] for row in rows if row["split"] == "valid"]
    np.testing.assert_allclose(valid, calibrated(said, result.metrics["temperature"]), atol=0.02)
    paths = [result.dataset.pictures[i].path for i in result.dataset.indices("valid")]
    predicted = [result.dataset.classes.index(each.label) for each in result.predict(paths)]
    assert predicted == said.argmax(axis=1).tolist()
    assert (result.folder.best / "curves.png").is_file()


def test_probes_come_first_are_not_counted_and_are_not_made_again(data, tmp_path):
    heard, settings = Heard(), {**QUICK, "out": tmp_path / "run", "heads": ("linear", "plain")}
    first = autotl.search(data, trials=1, watcher=heard, **settings)
    assert [record.probe for record in first.records] == [True, False]
    again = Heard()
    more = autotl.search(data, trials=2, watcher=again, **settings)
    assert [record.probe for record in more.records] == [True, False, False]
    assert again.of(events.Probed) == heard.of(events.Probed) == more.probes
    assert len(again.of(events.TrialEnded)) == 1


def test_a_search_may_do_without_probes(data, tmp_path):
    heard = Heard()
    settings = {**QUICK, "heads": ("linear",), "probe": False}
    result = autotl.search(data, out=tmp_path / "run", trials=1, watcher=heard, **settings)
    assert heard.of(events.Probed) == result.probes == []
    assert [record.probe for record in result.records] == [False]


def test_a_probe_whose_worker_dies_is_told_and_its_backbone_stays(data, tmp_path):
    killed = []

    def kill(event):
        heard(event)
        if isinstance(event, events.Progress) and event.what == "Probing backbones" and not killed:
            import psutil

            (worker,) = psutil.Process().children()
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    heard = Heard()
    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("linear",), watcher=kill, **QUICK)
    (probed,) = result.probes
    assert "killed from outside (signal 9)" in probed.problem
    assert [(record.candidate.backbone, record.probe) for record in result.records] == [("speck", False)]


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


def test_the_same_command_again_keeps_the_trials_and_goes_on(finished, data):
    result, _ = finished
    again = autotl.search(data, out=result.run, trials=3, heads=("plain", "dense"), **QUICK)
    assert [r.number for r in again.records] == [0, 1, 2]
    heard = Heard()
    more = autotl.search(data, out=result.run, trials=4, heads=("plain", "dense"), watcher=heard, **QUICK)
    assert [record.number for record in more.records] == [0, 1, 2, 3]
    assert len(heard.of(events.TrialEnded)) == 1
    assert len(heard.of(events.SearchBegan)[0].finished) == 3


def test_another_search_in_the_same_folder_is_refused_by_name(finished, data):
    result, _ = finished
    with pytest.raises(RunError, match="metric was 'accuracy' and is 'macro_f1'"):
        autotl.search(data, out=result.run, trials=3, heads=("plain", "dense"), metric="macro_f1", **QUICK)


def test_changed_pictures_are_noticed(finished, data, tmp_path):
    import shutil

    own = shutil.copytree(data, tmp_path / "data")
    autotl.search(own, out=tmp_path / "run", trials=1, heads=("plain",), **QUICK)
    pictures.write(own, classes=1, each=1, seed=9)
    with pytest.raises(RunError, match="have changed since"):
        autotl.search(own, out=tmp_path / "run", trials=2, heads=("plain",), **QUICK)


def test_the_parent_never_imports_keras_or_tensorflow(data, tmp_path):
    code = (
        "import sys, autotl\n"
        f"autotl.search({str(data)!r}, out={str(tmp_path / 'run')!r}, trials=1, heads=('plain',), "
        f"plugins=({PLUGIN!r},), backbones=('speck',), augmentations=('none',), epochs=1)\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("head", "reason"),
    [("crashing", "ended by itself .exit code 3."), ("exploding", "not numbers|became nan")],
)
def test_a_head_that_fails_costs_its_trial_and_not_the_search(data, tmp_path, head, reason):
    result = autotl.search(data, out=tmp_path / "run", trials=2, heads=(head, "plain"), **ONE_DEPTH)
    failed = [record for record in result.records if record.state == "failed"]
    assert result.best.candidate.head == "plain"
    assert failed
    assert {record.candidate.head for record in failed} == {head}
    import re

    assert all(re.search(reason, record.reason) for record in failed)


def test_a_worker_over_its_memory_is_replaced_and_the_search_goes_on(data, tmp_path):
    heard = Heard()
    result = autotl.search(
        data, out=tmp_path / "run", trials=2, heads=("hungry", "plain"), memory=1800, watcher=heard, **ONE_DEPTH
    )
    (failed,) = [record for record in result.records if record.candidate.head == "hungry"]
    assert "GB of memory" in failed.reason
    assert any("once more with half the batch" in note.text for note in heard.of(events.Note))
    assert result.best.candidate.head == "plain"


def test_a_worker_that_is_killed_costs_nothing_but_time(data, tmp_path):
    killed = []

    def kill(event):
        if isinstance(event, events.EpochEnded) and not killed:
            import psutil

            (worker,) = psutil.Process().children()
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("plain",), watcher=kill, **QUICK)
    assert killed
    assert result.best.candidate.values["batch_size"] == 16  # half of the default: its second try


def test_a_silent_worker_is_replaced(data, tmp_path):
    result = autotl.search(
        data, out=tmp_path / "run", trials=2, heads=("sleepy", "plain"), epoch_timeout=5, **ONE_DEPTH
    )
    (failed,) = [record for record in result.records if record.state == "failed"]
    assert "no sign of life for 5 s" in failed.reason


def test_a_part_that_fails_three_times_is_set_aside(data, tmp_path):
    heard = Heard()
    result = autotl.search(
        data, out=tmp_path / "run", trials=6, seed=3, heads=("raising", "plain"), watcher=heard, **ONE_DEPTH
    )
    assert [record.candidate.head for record in result.records] == ["raising"] * 3 + ["plain"] * 3
    assert any("'raising' failed in three trials" in note.text for note in heard.of(events.Note))


def test_what_a_plugin_prints_goes_to_the_log(data, tmp_path):
    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("chatty",), **QUICK)
    log = (result.run / "worker-0.log").read_text()
    assert "not a message" in log
    assert "nor this" in log


def test_a_search_in_which_nothing_works_says_why(data, tmp_path):
    with pytest.raises(TrialError, match="1 of 1 failed with: RuntimeError: this head never works"):
        autotl.search(data, out=tmp_path / "run", trials=1, heads=("raising",), **QUICK)


def test_a_backbone_without_weights_is_named_and_left_out(data, tmp_path):
    heard = Heard()
    settings = {**QUICK, "backbones": ("speck", "needy")}
    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("plain",), watcher=heard, **settings)
    assert result.best.candidate.backbone == "speck"
    (problem,) = [event.problem for event in heard.of(events.BackboneResolved) if event.problem]
    assert "--weights needy=PATH" in problem
    with pytest.raises(WeightsError, match=r"No backbone can be used.*needy=PATH"):
        autotl.search(data, out=tmp_path / "other", trials=1, heads=("plain",), **{**QUICK, "backbones": ("needy",)})


def started(data, out, *options) -> subprocess.Popen:
    """Start a search by the command line and return once its first trial has ended."""
    command = [sys.executable, "-m", "autotl", "search", str(data), "--out", str(out), "--plugin", PLUGIN]
    chosen = ["--backbone", "speck", "--head", "plain", "--head", "dense", "--augmentation", "none", "--epochs", "40"]
    process = subprocess.Popen(
        [*command, *chosen, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for _ in range(1200):
        if list(out.glob("trials/*/trial.json")):
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate()[0])


def test_ctrl_c_finishes_with_the_best_so_far(data, tmp_path):
    process = started(data, tmp_path / "run", "--trials", "500")
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "Finishing with the best so far" in told
    assert autotl.open_run(tmp_path / "run").metrics["valid"]["accuracy"] > 0


def test_a_search_that_was_killed_goes_on_where_it_was(data, tmp_path):
    import psutil

    process = started(data, tmp_path / "run", "--trials", "500")
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive  # workers end with their parent
    before = {record.number: record for record in autotl.open_run(tmp_path / "run").records}
    assert before
    settings = {**QUICK, "epochs": 40, "heads": ("plain", "dense")}
    result = autotl.search(data, out=tmp_path / "run", trials=len(before) + 2, **settings)
    after = {record.number: record for record in result.records}
    assert {number: after[number] for number in before} == before
    assert len(after) == len(before) + 2


def test_two_searches_never_share_a_run_folder(data, tmp_path):
    refused = []

    def intrude(event):
        if isinstance(event, events.TrialBegan):
            with pytest.raises(RunError, match=f"process {os.getpid()}"):
                autotl.search(data, out=tmp_path / "run", trials=1, heads=("plain",), **QUICK)
            refused.append(True)

    autotl.search(data, out=tmp_path / "run", trials=1, heads=("plain",), watcher=intrude, **QUICK)
    assert refused


def test_several_workers_share_the_trials(data, tmp_path):
    heard = Heard()
    result = autotl.search(
        data, out=tmp_path / "run", trials=4, workers=2, heads=("plain", "dense"), watcher=heard, **QUICK
    )
    assert sorted(record.number for record in result.records) == [0, 1, 2, 3]
    assert (result.run / "worker-1.log").is_file()


def test_however_small_the_budget_one_trial_is_run(data, tmp_path):
    result = autotl.search(data, out=tmp_path / "run", time=0.5, heads=("plain", "dense"), **QUICK)
    (only,) = result.records
    assert only.score is not None
    assert len(only.history) == 1  # stopped after its first epoch


def test_a_paused_trial_goes_on_later_and_repeats_no_epoch(data, tmp_path):
    few = {"augmentations": ("none", "flip_crop"), "pins": {"unfrozen_layers": 0, "learning_rate": 0.001}}
    heard, settings = Heard(), {**QUICK, **few, "epochs": 6}
    result = autotl.search(data, out=tmp_path / "run", trials=20, heads=("plain",), watcher=heard, **settings)
    paused = {record.number: record for record in result.records if record.state == "pruned"}
    continued = [record for record in result.records if record.continues is not None]
    assert continued  # of twenty trials in no order, some come into the best third late
    for record in continued:
        before = paused[record.continues]
        assert len(before.history) == 3
        assert record.history[:3] == before.history
        told = [event.row["epoch"] for event in heard.of(events.EpochEnded) if event.number == record.number]
        assert told == [row["epoch"] for row in record.history[3:]]
        assert told[0] == 4
        assert not (result.run / "trials" / str(before.number) / "state.npz").exists()


def test_the_best_recipes_are_confirmed_with_another_seed(data, tmp_path):
    settings = {**ONE_DEPTH, "confirm": 1}
    result = autotl.search(data, out=tmp_path / "run", trials=2, heads=("plain", "dense"), **settings)
    first, repeats = result.records[:-2], result.records[-2:]
    trained = [record for record in first if not record.probe]
    assert {record.repeats for record in repeats} <= {record.number for record in first}
    assert [(record.candidate.seed, record.candidate.epochs) for record in repeats] == [(1, 3), (1, 3)]
    assert all(record.history != trained[0].history for record in repeats)
    assert result.best.number == result.metrics["trial"]
    assert (result.run / "trials" / str(result.best.number) / "weights.npz").is_file()


def test_a_time_budget_ends_the_search(data, tmp_path):
    began = time.monotonic()
    result = autotl.search(data, out=tmp_path / "run", time=14, heads=("plain", "dense"), **QUICK)
    assert result.records
    assert time.monotonic() - began < 60  # generous: this is about ending at all


def test_the_log_has_a_line_for_each_event(finished):
    result, _ = finished
    lines = [json.loads(line) for line in (result.run / "log.jsonl").read_text().splitlines()]
    kinds = {line["event"] for line in lines}
    assert {"SearchBegan", "BackboneResolved", "TrialBegan", "EpochEnded", "TrialEnded", "SearchEnded"} <= kinds
    assert [line["elapsed"] for line in lines] == sorted(line["elapsed"] for line in lines)


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


@pytest.mark.parametrize("metric", ["macro_f1", "log_loss"])
def test_another_metric_guides_the_search(data, tmp_path, metric):
    result = autotl.search(data, out=tmp_path / "run", trials=2, heads=("plain", "dense"), metric=metric, **QUICK)
    scores = [record.score for record in result.leaderboard]
    assert scores == sorted(scores, reverse=metric != "log_loss")
    assert result.best.score == result.best.metrics[metric]
    assert len(result.metrics["test"]["interval"]) == 2
