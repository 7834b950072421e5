"""A search that is stopped, killed or asked for again, and what has changed since."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

import autotl
from autotl import events
from autotl.errors import RunError
from autotl.folder import RunFolder

from .searches import PLUGIN, QUICK


@pytest.fixture(scope="module")
def kept(data, tmp_path_factory):
    """A run folder, and what a second search in it was told while the first was at work."""
    out, refused = tmp_path_factory.mktemp("runs") / "run", []

    def intrude(event):
        if isinstance(event, events.TrialBegan):
            with pytest.raises(RunError) as told:
                autotl.search(data, out=out, trials=1, heads=("plain",), **QUICK)
            refused.append(str(told.value))

    autotl.search(data, out=out, trials=1, heads=("plain",), watcher=intrude, **QUICK)
    return out, refused


def test_two_searches_never_share_a_run_folder(kept):
    _, refused = kept
    assert refused
    assert all(f"process {os.getpid()}" in told for told in refused)


def test_changed_pictures_are_noticed(kept, data):
    out, _ = kept
    picture = data / "class_0" / "0.png"
    before = picture.read_bytes()
    picture.write_bytes((data / "class_0" / "1.png").read_bytes())
    try:
        with pytest.raises(RunError, match=r"have changed since.*: 1 changed \(class_0/0.png\)"):
            autotl.search(data, out=out, trials=2, heads=("plain",), **QUICK)
    finally:
        picture.write_bytes(before)


def test_other_weights_and_other_code_are_noticed_before_going_on(kept, data):
    out, _ = kept
    file = RunFolder(out).origin
    before = file.read_text()
    known = json.loads(before)
    assert known["weights"].keys() == {"speck"}
    for name, part, message in (("weights", "speck", "weights of the"), ("code", "head plain", "code of the head")):
        file.write_text(json.dumps({**known, name: {**known[name], part: "other"}}))
        with pytest.raises(RunError, match=message):
            autotl.search(data, out=out, trials=2, heads=("plain",), **QUICK)
    file.write_text(before)


def started(data, out, trials: int) -> subprocess.Popen:
    """Start a search by the command line and return once so many trials have ended."""
    command = [sys.executable, "-m", "autotl", "search", str(data), "--out", str(out), "--plugin", PLUGIN]
    chosen = ["--backbone", "speck", "--head", "plain", "--head", "dense", "--augmentation", "none", "--epochs", "10"]
    process = subprocess.Popen(
        [*command, *chosen, "--trials", "500"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for _ in range(1200):
        if len(list(out.glob("trials/*/trial.json"))) >= trials:
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate()[0])


def test_a_search_that_was_killed_goes_on_where_it_was_and_ctrl_c_finishes_with_the_best_so_far(data, tmp_path):
    process = started(data, tmp_path / "run", 1)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive  # workers end with their parent
    before = {record.number: record for record in autotl.open_run(tmp_path / "run").records}
    assert before
    process = started(data, tmp_path / "run", len(before) + 1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "Finishing with the best so far" in told
    result = autotl.open_run(tmp_path / "run")
    after = {record.number: record for record in result.records}
    assert {number: after[number] for number in before} == before
    assert len(after) > len(before)
    assert result.metrics["valid"]["accuracy"] > 0
