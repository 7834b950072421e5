"""Run folders of strangers: whatever lies in one, it is read as data, refused in a line, and nothing runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autotl import open_run
from autotl.candidate import Begun, to_plain
from autotl.cli import app
from autotl.config import make
from autotl.data.dataset import Dataset, Picture
from autotl.errors import RunError
from autotl.folder import RunFolder, write_whole
from autotl.resume import check_data, check_same
from autotl.shapes import read_dataset

from .report.conftest import trial
from .saved_model import save_run

SCORES = {"accuracy": 0.9, "balanced_accuracy": 0.9, "macro_f1": 0.9, "log_loss": 0.1, "pictures": 6}
METRICS = {"metric": "accuracy", "trial": 1, "valid": SCORES, "test": None, "seconds": 9.0, "trials": 2}
DATA = Dataset("/d", ("ants", "bees"), tuple(Picture(f"/d/{i}", i % 2, "train", f"{i:064}", 9, 9) for i in range(4)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = RunFolder(save_run(tmp_path_factory.mktemp("run")))
    write_whole(folder.dataset, DATA.to_json())
    write_whole(folder.metrics, json.dumps(METRICS))
    for number in (0, 1):
        folder.save_record(trial(number))
    return folder.path


@pytest.fixture
def run(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def cli(*arguments) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    return done.exit_code, done.stdout, done.stderr


def changed(file: Path, **values) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_a_whole_run_is_read(run):
    result = open_run(run)
    assert (result.best.number, result.metrics, result.dataset) == (1, METRICS, DATA)
    assert result.records == [trial(0), trial(1)]
    assert cli("leaderboard", run)[0] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"number": "../../x"}, {"number": -1}, {"number": 7}, {"state": "evil"}, {"score": "high"}, {"history": [1]},
        {"candidate": {"backbone": 1}}, {"candidate": []}, {"reason": None}, {"metrics": {"log_loss": "low"}},
    ],
)  # fmt: skip
def test_a_trial_of_another_shape_is_no_trial(run, values):
    changed(run / "trials" / "0" / "trial.json", **values)
    assert [record.number for record in open_run(run).records] == [1]
    assert cli("leaderboard", run)[0] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"",
        b"{",
        b"null",
        b"[" * 100_000,
        b'{"candidate": {}}',
        b'{"candidate": {"backbone": 1}, "tries": "x"}',
    ],
)
def test_a_begun_trial_of_another_shape_is_no_trial(run, content):
    folder, begun = RunFolder(run), Begun(trial(5).candidate, accumulate=2, repeats=1)
    folder.begin(5, begun)
    for name in ("6", "elsewhere"):
        write_whole(run / "trials" / name / "begun.json", json.dumps(to_plain(begun)))
    (run / "trials" / "6" / "begun.json").write_bytes(content)
    assert folder.begun() == {5: begun}


@pytest.mark.parametrize("content", [b"\xff", b"[3]", b"null", b"{", b"[" * 100_000, b'{"metric": "accuracy"}'])
@pytest.mark.parametrize("name", ["best/metrics.json", "dataset.json", "config.toml", "probes.json"])
def test_a_file_of_another_shape_is_refused_in_a_line(run, name, content):
    (run / name).write_bytes(content)
    result = open_run(run)
    with pytest.raises(RunError, match=Path(name).name):
        _ = result.metrics, result.dataset, result.config, result.probes
    if name in ("best/metrics.json", "config.toml"):
        code, _, told = cli("leaderboard", run)
        assert (code, len(told.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"trial": "../x"}, {"trial": 99}, {"metric": "\x1b[2J"}, {"valid": {"accuracy": 1}}, {"test": 0.1},
        {"temperature": 2.0}, {"optimism": {}}, {"soup": ["a"]}, {"seconds": "long"}, {"seconds": None},
        {"valid": {**SCORES, "log_loss": "0"}},
    ],
)  # fmt: skip
def test_scores_of_another_shape_are_refused_in_a_line(run, values):
    changed(run / "best" / "metrics.json", **values)
    with pytest.raises(RunError):
        _ = open_run(run).best
    code, _, told = cli("leaderboard", run)
    assert code == (0 if values == {"trial": 99} else 1)
    assert len(told.splitlines()) == code


@pytest.mark.parametrize("label", [2, -1])
def test_a_picture_of_no_class_is_refused(run, label):
    pictures = [{"path": "../../x", "label": label, "split": "train", "digest": "", "width": 1, "height": 1}]
    changed(run / "dataset.json", pictures=pictures)
    with pytest.raises(RunError, match="of no class"):
        read_dataset(run / "dataset.json")
    (run / "study.db").touch()
    with pytest.raises(RunError, match="of no class"):
        check_data(RunFolder(run), DATA)


@pytest.mark.parametrize("content", ["[1", '["trials"]', "{}", '{"trials": "2"}', "[" * 100_000])
def test_a_run_whose_scores_tell_nothing_has_not_finished(run, content):
    folder = RunFolder(run)
    assert folder.is_finished(2)
    folder.metrics.write_text(content)
    assert not folder.is_finished(2)


def test_a_search_writes_through_no_link(run, tmp_path):
    shutil.rmtree(run / "trials")
    (run / "trials").symlink_to(tmp_path)
    same = open_run(run).config
    with pytest.raises(RunError, match="a link, trials, through which a search would write elsewhere"):
        check_same(RunFolder(run), same)
    (run / "trials").unlink()
    check_same(RunFolder(run), same)


def test_names_in_a_run_are_shown_and_never_obeyed(run):
    classes = ["[red]\x1b[2Jants[/red]", "bees\n\u202e"]
    (run / "best" / "labels.json").write_text(json.dumps({"classes": classes, "image_size": [10**9, 10**9]}))
    candidate = {**json.loads((run / "trials/0/trial.json").read_text())["candidate"], "backbone": "a\x1b[2J:smile:"}
    changed(run / "trials" / "0" / "trial.json", candidate=candidate)
    pixel = b"P6 1 1 255 " + bytes(3)
    (run / "\x1b[2J.png").write_bytes(pixel)
    _, told, _ = cli("leaderboard", run)
    assert "a\\x1b[2J:smile:" in told
    _, labelled, _ = cli("predict", run, run / "\x1b[2J.png", "--top", "2")
    assert "\x1b" not in told + labelled
    assert "\\x1b[2J.png" in labelled


def test_plugins_that_a_run_names_are_not_run(run, tmp_path):
    evil = tmp_path / "evil.py"
    evil.write_text("import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n")
    write_whole(run / "config.toml", make(data="data", out=str(run), plugins=(str(evil),)).to_toml())
    assert cli("leaderboard", run)[0] == 0
    assert cli("predict", run, run / "none.png")[0] == 0
    assert cli("export", run, "-o", tmp_path / "out.keras")[0] == 0
    assert not evil.with_suffix(".ran").exists()
