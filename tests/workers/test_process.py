"""A worker process as users have it: no test forks these."""

from __future__ import annotations

import signal
from queue import Queue

import psutil
import pytest

from autotl.workers.process import Inbox, Process

from .. import warm


@pytest.fixture
def started(tmp_path, monkeypatch):
    monkeypatch.setattr("autotl.workers.process.spawn", warm.cold)
    inbox: Inbox = Queue()
    process = Process(0, tmp_path / "log" / "worker.log", inbox, {"TF_CPP_MIN_LOG_LEVEL": "2"})
    yield process, inbox
    process.kill()
    process.close()


def test_a_worker_is_a_child_with_the_settings_and_the_log_it_was_given(started, tmp_path):
    process, _ = started
    (seen,) = (each for each in psutil.Process().children() if each.pid == process.id)
    assert "autotl.workers.child" in seen.cmdline()
    assert seen.environ()["TF_CPP_MIN_LOG_LEVEL"] == "2"
    assert (tmp_path / "log" / "worker.log").is_file()


def test_the_last_word_of_a_worker_is_what_it_ended_with(started):
    process, inbox = started
    process.kill()
    assert inbox.get(timeout=60) == (process, {"say": "gone", "code": -signal.SIGKILL})
    process.send({"do": "nothing"})  # to nobody, and no error
    assert process.memory() == 0
