"""What a search does when: probes, trials, pauses, repeats, and the end of its time."""

from __future__ import annotations

import csv
import time

import numpy as np
import pytest

import autotl
from autotl import events
from autotl.calibration import calibrated

from .searches import ONE_DEPTH, QUICK, Heard


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


@pytest.fixture(scope="module")
def hasty(data, tmp_path_factory):
    """A search without probes that has no time, and what it told."""
    heard, out = Heard(), tmp_path_factory.mktemp("runs") / "run"
    settings = {**QUICK, "heads": ("linear", "dense"), "probe": False}
    return autotl.search(data, out=out, time=0.5, watcher=heard, **settings), heard


def test_a_search_may_do_without_probes(hasty):
    result, heard = hasty
    assert heard.of(events.Probed) == result.probes == []
    assert [record.probe for record in result.records] == [False]


def test_however_small_the_budget_one_trial_is_run(hasty):
    (only,) = hasty[0].records
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


@pytest.fixture(scope="module")
def timed(data, tmp_path_factory):
    """A search of 14 seconds for another metric, and the seconds it took."""
    began, out = time.monotonic(), tmp_path_factory.mktemp("runs") / "run"
    result = autotl.search(data, out=out, time=14, heads=("plain", "dense"), metric="macro_f1", **QUICK)
    return result, time.monotonic() - began


def test_a_time_budget_ends_the_search(timed):
    result, seconds = timed
    assert result.records
    assert seconds < 60  # generous: this is about ending at all


def test_a_metric_that_is_better_when_higher_guides_the_search(timed):
    result, _ = timed
    scores = [record.score for record in result.leaderboard if record.state == "complete"]
    assert scores == sorted(scores, reverse=True)
    assert result.best.score == result.best.metrics["macro_f1"]
    assert len(result.metrics["test"]["interval"]) == 2
