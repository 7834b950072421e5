from __future__ import annotations

import json

import pytest
from PIL import Image

from .. import pictures
from .test_door import modules_after


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of two classes: two are copies, one is text, and one has a name to be shown with care."""
    folder = pictures.write(tmp_path_factory.mktemp("data"), each=20)
    (folder / "class_0" / "copy.png").write_bytes((folder / "class_0" / "0.png").read_bytes())
    (folder / "class_1" / "[bold red]\x1b[2J\n.png").write_text("no picture")
    Image.new("CMYK", (64, 64)).save(folder / "class_1" / "print.jpg")
    return folder


def test_findings_are_told_with_advice_and_the_data_are_called_usable(autotl, data) -> None:
    done = autotl("check", data)
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "42 pictures of 2 classes (class_0, class_1): train 29, valid 7, test 6" in text
    assert "error Left out, because it is not a picture of a known kind: 1 (class_1/[bold red]\\x1b[2J .png)" in text
    assert "Delete all but one of each" in text
    assert text.endswith("3 findings (1 error, 1 warning, 1 note). The data can be searched.")
    assert "\x1b" not in done.stdout


def test_all_names_are_told_on_request_each_on_its_line(autotl, data) -> None:
    lines = autotl("check", data, "--files").stdout.splitlines()
    assert "    class_0/0.png = class_0/copy.png" in lines
    assert "    class_1/[bold red]\\x1b[2J\\n.png" in lines
    assert "    class_1/print.jpg" in lines


def test_findings_are_json_for_programs(autotl, data) -> None:
    answer = json.loads(autotl("check", data, "--json").stdout)
    assert answer["pictures"] == 42
    assert answer["counts"]["train"] == {"class_0": 15, "class_1": 14}
    told = {each["kind"]: each for each in answer["findings"]}
    assert told["copies"]["sets"] == [["class_0/0.png", "class_0/copy.png"]]
    assert told["unreadable"]["files"] == ["class_1/[bold red]\x1b[2J\n.png"]
    assert told["unreadable"]["gravity"] == "error"


def test_limits_and_splits_are_those_of_a_search(autotl, data) -> None:
    answer = json.loads(autotl("check", data, "--json", "--max-megapixels", "0.002", "--test-split", "0").stdout)
    assert [each["files"] for each in answer["findings"] if each["kind"] == "bomb"] == [["class_1/print.jpg"]]
    assert sum(answer["counts"]["test"].values()) == 0
    wrong = autotl("check", data, "--valid-split", "2")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert "valid_split" in wrong.stderr


def test_data_that_cannot_be_searched_are_refused_in_one_line(autotl, tmp_path) -> None:
    done = autotl("check", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_checking_imports_no_deep_learning_library(data) -> None:
    assert not modules_after("check", str(data)) & {"keras", "tensorflow", "optuna"}
