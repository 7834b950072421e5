"""What goes wrong outside of a search: disks that fill up or cannot be written, pictures that are unplugged."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

import autotl
from autotl import events
from autotl.database import explained
from autotl.errors import DataError, RunError
from autotl.faults import outage
from autotl.transfer.store import FeatureStore

from .searches import ONE_DEPTH


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing more goes in."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    return filler


def test_a_search_survives_one_fault_after_another(data, small_disk, cache, monkeypatch, tmp_path):
    out, elsewhere, fillers = small_disk / "run", data.with_name("unplugged"), []
    monkeypatch.setenv("AUTOTL_CACHE", str(tmp_path / "cache"))  # empty, so that pictures must be read

    def search(watcher=lambda event: None, trials=2):
        return autotl.search(data, out=out, trials=trials, heads=("plain",), watcher=watcher, **ONE_DEPTH)

    def unplug(event):
        if isinstance(event, events.Progress) and event.what == "Probing backbones" and data.exists():
            data.rename(elsewhere)

    try:
        with pytest.raises(RunError, match=r"no such file\. If its disk .* goes on where it was"):
            search(unplug)
    finally:
        elsewhere.rename(data)

    def fill_up(event):
        if isinstance(event, events.EpochEnded) and event.row["epoch"] == 1:
            fillers.append(fill(small_disk))

    with pytest.raises(RunError, match=r"(The disk of|The study) .*[Ff]ree some space.* goes on where it was"):
        search(fill_up)
    with pytest.raises(RunError, match=r"goes on where it was|No space left"):
        search()  # it is still full
    fillers[0].unlink()
    result = search()
    assert [record.state for record in result.records if not record.probe] == ["complete", "complete"]
    assert result.metrics["test"]["accuracy"] > 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(RunError, match=r"Read-only file system|can only be read"):
        search(trials=3)
    assert autotl.open_run(out).best.number == result.best.number


def test_features_that_do_not_fit_on_the_disk_leave_nothing_behind(small_disk):
    store = FeatureStore(small_disk, 10**9)
    store._make_room = lambda needed: None  # another program takes what was free a moment ago
    with pytest.raises(OSError, match="No space left") as told:
        store.fetch({"what": "test"}, (8 << 20,), "uint8", lambda: iter(()))
    assert str(small_disk) in outage(told.value)
    assert not list((small_disk / "features").iterdir())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/r/state.npz"), "The disk of /r/state.npz is full"),
        (OSError(errno.EROFS, "Read-only file system"), "The disk of /run can only be read"),
        (DataError("/d/1.jpg cannot be read: it is cut off."), "/d/1.jpg cannot be read: it is cut off. If"),
    ],
)
def test_what_no_trial_gets_round_is_told_with_what_to_do(error, words):
    told = outage(error, "/run")
    assert told.startswith(words)
    assert told.endswith("the search goes on where it was.")


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "No such file"), ValueError("no"), MemoryError()])
def test_other_errors_are_no_outage(error):
    assert outage(error) == ""


def test_a_study_that_is_no_study_is_told_in_one_line(tmp_path):
    from autotl.study import Study

    from .test_proposals import space

    (tmp_path / "study.db").write_bytes(b"not a database" * 100)
    with pytest.raises(RunError, match=r"study.db cannot be used \(file is not a database\)\. Start a new search"):
        Study(tmp_path / "study.db", space(), metric="accuracy", seed=0)
    assert explained(tmp_path, ValueError("no")) is None
