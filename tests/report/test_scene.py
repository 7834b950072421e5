from __future__ import annotations

import dataclasses

import pytest

from autotl import events
from autotl.config import make
from autotl.report.scene import Scene


def test_the_best_trial_is_a_complete_one(record, began) -> None:
    scene = Scene(began=0.0)
    for event in (
        began,
        *(events.TrialEnded(r) for r in (record(0), record(1, "pruned", 0.99), record(2, "failed", None))),
    ):
        scene.take(event, 1.0)
    assert scene.best.number == 0
    assert [r.number for r in scene.leaderboard] == [0, 1, 2]
    assert (scene.tally("pruned"), scene.tally("failed")) == (1, 1)


def test_with_log_loss_the_lowest_score_leads(record, began) -> None:
    config = make(data="d", out="o", metric="log_loss")
    scene = Scene(began=0.0)
    scene.take(dataclasses.replace(began, config=config, finished=(record(0, score=0.9), record(1, score=0.2))), 1.0)
    assert scene.best.number == 1
    assert scene.resumed == 2


def test_a_failed_trial_is_remarked_with_its_reason(record) -> None:
    scene = Scene(began=0.0)
    scene.take(events.TrialEnded(record(5, "failed", None)), 1.0)
    assert scene.notes == [events.Note("trial 5 failed: the worker ran out of memory", warning=True)]


def test_the_time_left_counts_from_the_first_session_of_a_run(began) -> None:
    scene = Scene(began=1000.0)
    scene.take(dataclasses.replace(began, elapsed=100.0), 1010.0)
    assert scene.left(1010.0) == 200.0
    assert scene.fraction(1010.0) == pytest.approx(1 / 3)
    assert scene.left(9999.0) == 0.0


def test_the_nearer_limit_tells_how_much_is_spent(record, began) -> None:
    config = make(data="d", out="o", seconds=100.0, trials=2)
    scene = Scene(began=0.0)
    scene.take(dataclasses.replace(began, config=config, finished=(record(0),)), 0.0)
    assert scene.fraction(10.0) == 0.5
    assert scene.fraction(80.0) == 0.8


def test_a_step_is_forgotten_when_it_is_done() -> None:
    scene = Scene(began=0.0)
    scene.take(events.Progress("features", 0, 100), 0.0)
    scene.take(events.Progress("features", 25, 100), 10.0)
    assert scene.steps["features"].left(10.0) == 30.0
    scene.take(events.Progress("features", 100, 100), 40.0)
    assert not scene.steps


def test_epochs_gather_at_their_trial_and_leave_with_it(record) -> None:
    done = record(3)
    scene = Scene(began=0.0)
    scene.take(events.TrialBegan(3, done.candidate), 0.0)
    scene.take(events.EpochEnded(3, 10, {"epoch": 1, "score": 0.5}), 1.0)
    scene.take(events.EpochEnded(9, 10, {"epoch": 1, "score": 0.1}), 1.0)  # of a trial never begun
    assert scene.running[3].scores() == [0.5]
    scene.take(events.TrialEnded(done), 2.0)
    assert not scene.running


def test_probes_are_remembered_by_backbone_and_counted_apart_from_trials(record) -> None:
    scene = Scene(began=0.0)
    probed = events.Probed("mobilenet_v2", 0.9)
    for event in (probed, events.TrialEnded(dataclasses.replace(record(0), probe=True)), events.TrialEnded(record(1))):
        scene.take(event, 1.0)
    assert scene.probes == {"mobilenet_v2": probed}
    assert (scene.trained, scene.probed) == (1, 1)
