from __future__ import annotations

import csv
import errno

import pytest

from autotl.errors import RunError
from autotl.predict import Prediction
from autotl.rows import csv_of, writing_rows

CLASSES = ("cat", "dog")
MADE = [
    Prediction("a, b.png", "dog", 0.75, {"dog": 0.75, "cat": 0.25}),
    Prediction("c.png", None, 0.0, problem="it is cut off"),
    Prediction("d.png", None, 0.55, {"cat": 0.55}, abstained=True),
]


def test_predictions_become_a_table(tmp_path):
    file = tmp_path / "new" / "table.csv"
    with csv_of(file, CLASSES) as write:
        for one in MADE:
            write(one)
    with file.open(newline="", encoding="utf-8") as text:
        header, *rows = csv.reader(text)
    assert header == ["path", "label", "confidence", "abstained", "problem", "p_cat", "p_dog"]
    assert rows == [
        ["a, b.png", "dog", "0.750000", "", "", "0.250000", "0.750000"],
        ["c.png", "", "", "", "it is cut off", "", ""],
        ["d.png", "", "0.550000", "abstained", "", "0.550000", ""],
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, BrokenPipeError])
def test_a_table_that_was_not_ended_leaves_nothing_and_the_older_one_as_it_was(tmp_path, error):
    file = tmp_path / "table.csv"
    file.write_text("older")
    with pytest.raises(error), csv_of(file, CLASSES) as write:
        write(MADE[0])
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]


def test_names_that_are_not_unicode_are_written_all_the_same(tmp_path):
    with writing_rows(tmp_path / "t.csv", ["path"]) as write:
        write(["bl\udce4tter.png"])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "path\nbl?tter.png\n"


def test_a_place_that_cannot_be_written_is_told_in_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    for place, reason in ((tmp_path, "is a folder"), (tmp_path / "file" / "t.csv", "cannot be written")):
        with pytest.raises(RunError, match=reason), csv_of(place, CLASSES):
            pass


def test_a_full_disk_is_told_in_a_line(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match=r"t\.csv cannot be written: No space left"), csv_of(tmp_path / "t.csv", CLASSES):
        pass
    assert list(tmp_path.iterdir()) == []
