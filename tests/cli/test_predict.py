from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from autotl.predict import load_model

from ..formats import Coarse
from ..saved_model import save_run

FORMATS = Path(__file__).parents[1] / "formats.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A run folder whose model tells bright pictures from dark ones."""
    return save_run(tmp_path_factory.mktemp("run"))


def test_predict_labels_pictures_and_writes_a_table(autotl, model, lights, tmp_path) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes((lights / "dark" / "0.png").read_bytes()[:40])
    done = autotl("predict", model, lights, torn, "--csv", tmp_path / "made.csv")
    assert done.exit_code == 0, done.output
    assert "unreadable" in done.stdout
    rows = list(csv.DictReader((tmp_path / "made.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == ["bright", "bright", "dark", "dark", ""]
    assert {"p_dark", "p_bright"} <= set(rows[0])


def test_predict_as_json_keeps_the_top_classes(autotl, model, lights) -> None:
    answer = json.loads(autotl("predict", model, lights / "dark" / "0.png", "--top", "1", "--json").stdout)
    assert [row["label"] for row in answer] == ["dark"]
    assert list(answer[0]["probabilities"]) == ["dark"]


def test_evaluate_scores_labelled_pictures(autotl, model, lights) -> None:
    answer = json.loads(autotl("evaluate", model, lights, "--json").stdout)
    assert (answer["metrics"]["accuracy"], answer["pictures"]) == (1.0, 4)
    assert "true class by row" in autotl("evaluate", model, lights).stdout


def test_a_threshold_is_kept_in_every_output(autotl, model, lights, tmp_path) -> None:
    Image.new("L", (8, 8), 127).save(lights / "dark" / "grey.png")
    wanted = ("predict", model, f"{lights}/*/*.png", "--threshold", "0.7", "--csv", tmp_path / "made.csv")
    shown = autotl(*wanted)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"grey\.png +abstained +\S+ +5\d\.\d%", shown.stdout)
    assert re.search(r"^abstained +1 +20\.0%$", shown.stdout, re.MULTILINE)
    rows = list(csv.DictReader((tmp_path / "made.csv").read_text().splitlines()))
    told = json.loads(autotl(*wanted, "--json").stdout)
    assert [row["abstained"] for row in rows] == ["", "", "", "", "abstained"]
    assert [(row["label"] or None, row["path"]) for row in rows] == [(one["label"], one["path"]) for one in told]
    assert [one["abstained"] for one in told] == [False, False, False, False, True]
    assert autotl(*wanted[:3], "--threshold", "70").exit_code == 2


def test_a_pipe_gets_a_line_for_every_picture_and_the_tally(autotl, model, lights) -> None:
    listed = lights / "list.csv"
    listed.write_text("path\n" + "dark/0.png\n" * 90 + "none.png\n" * 10)
    done = autotl("predict", model, listed, "--batch-size", "7")
    assert len(re.findall(r"dark/0\.png +dark", done.stdout)) == 90
    assert re.search(r"^dark +90 +90\.0%\nunreadable +10 +10\.0%\n\n100 pictures in ", done.stdout, re.MULTILINE)


def test_a_stop_leaves_no_table_under_the_name_asked_for(autotl, model, lights, tmp_path, monkeypatch) -> None:
    from autotl.report.tally import Tally

    def stop(self, one):
        if one.label == "dark":
            raise KeyboardInterrupt

    monkeypatch.setattr(Tally, "add", stop)
    done = autotl("predict", model, lights, "--csv", tmp_path / "made.csv")
    assert (done.exit_code, done.stderr) == (130, "stopped\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_error_prints_no_half_of_an_answer(autotl, model, lights, tmp_path) -> None:
    for arguments in ((tmp_path / "*.gif",), (lights, "--csv", lights)):
        done = autotl("predict", model, *arguments, "--json")
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


def test_evaluate_writes_rows_and_warns(autotl, model, lights, tmp_path) -> None:
    (lights / "bright").rename(lights / "green")
    done = autotl("evaluate", model, lights, "--csv", tmp_path / "rows.csv", "--batch-size", "1")
    assert done.exit_code == 0, done.output
    assert "! Pictures of classes that the model does not know are left out: 2 ('green')." in done.stdout
    assert f"written to {tmp_path}/rows.csv" in done.stdout
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 3


def test_a_format_of_a_plugin_is_opened_when_its_file_is_named(autotl, model, lights, tmp_path) -> None:
    written = tmp_path / "m.coarse"
    (lights / "dark").rename(lights / "inner")
    Coarse().write(load_model(model).model, written, classes=(), precision="float32", pictures=())
    for command in ("predict", "evaluate"):
        assert "installed plugins open" in autotl(command, written, lights).stderr
        assert autotl(command, written, lights, "--plugin", FORMATS).exit_code == 0
