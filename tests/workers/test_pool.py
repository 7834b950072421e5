"""Workers that die, hang, eat or talk: what that costs a search."""

from __future__ import annotations

import os
import re
import signal

import psutil
import pytest

import autotl
from autotl import events
from autotl.errors import TrialError
from autotl.workers.process import Process

from ..searches import ONE_DEPTH, QUICK, Heard


@pytest.fixture(scope="module")
def troubled(data, tmp_path_factory):
    """A search over heads that each fail in a way of their own and one that works, and what it told."""
    heard, out = Heard(), tmp_path_factory.mktemp("runs") / "run"
    heads = ("crashing", "exploding", "plain", "sleepy", "hungry")  # six trials try them all
    result = autotl.search(
        data, out=out, trials=6, heads=heads, memory=1800, epoch_timeout=8, watcher=heard, **ONE_DEPTH
    )
    return result, heard


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("crashing", "ended by itself .exit code 3."),
        ("exploding", "not numbers|became nan"),
        ("hungry", "GB of memory"),
        ("sleepy", "no sign of life for 8 s"),
    ],
)
def test_a_head_that_fails_costs_its_trial_and_not_the_search(troubled, head, reason):
    result, _ = troubled
    failed = [record for record in result.records if record.candidate.head == head]
    assert failed
    assert all(record.state == "failed" and re.search(reason, record.reason) for record in failed)
    assert result.best.candidate.head == "plain"


def test_a_trial_whose_worker_takes_too_much_memory_is_run_once_more_with_half_the_batch(troubled):
    _, heard = troubled
    told = [note.text for note in heard.of(events.Note) if "GB of memory" in note.text]
    assert any("once more with half the batch" in text for text in told)


@pytest.fixture
def living(monkeypatch):
    """Tells which workers have started and not ended."""
    known = []

    class Known(Process):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            known.append(self)

    monkeypatch.setattr("autotl.workers.pool.Process", Known)
    return lambda: [each for each in known if psutil.pid_exists(each.id)]


def test_a_worker_that_is_killed_costs_nothing_but_time(data, tmp_path, living):
    heard, killed = Heard(), set()

    def kill(event):
        heard(event)
        probing = isinstance(event, events.Progress) and event.what == "Probing backbones"
        if (probing or isinstance(event, events.EpochEnded)) and type(event) not in killed:
            (worker,) = living()
            killed.add(type(event))
            os.kill(worker.id, signal.SIGKILL)

    result = autotl.search(data, out=tmp_path / "run", trials=1, heads=("linear",), watcher=kill, **QUICK)
    assert killed == {events.Progress, events.EpochEnded}
    assert [probed.problem for probed in result.probes] == [""]
    assert [(record.probe, record.state, len(record.history)) for record in result.records] == [
        (True, "complete", 0),
        (False, "complete", 2),
    ]
    told = [note.text for note in heard.of(events.Note)]
    assert any("killed from outside (signal 9)" in text and "goes on where it was" in text for text in told)
    assert [event.row["epoch"] for event in heard.of(events.EpochEnded)] == [1, 2]  # none was trained twice


def test_a_part_that_fails_three_times_is_set_aside_and_what_parts_print_goes_to_the_log(data, tmp_path):
    heard = Heard()
    result = autotl.search(
        data, out=tmp_path / "run", trials=6, seed=3, heads=("raising", "chatty"), watcher=heard, **ONE_DEPTH
    )
    assert [record.candidate.head for record in result.records] == ["raising"] * 3 + ["chatty"] * 3
    assert any("'raising' failed in three trials" in note.text for note in heard.of(events.Note))
    log = (result.run / "worker-0.log").read_text()
    assert "not a message" in log
    assert "nor this" in log


def test_a_search_in_which_nothing_works_says_why(data, tmp_path):
    with pytest.raises(TrialError, match="1 of 1 failed with: RuntimeError: this head never works"):
        autotl.search(data, out=tmp_path / "run", trials=1, heads=("raising",), **QUICK)
