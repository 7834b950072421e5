from __future__ import annotations

import json
import shutil

from autotl.folder import RunFolder
from autotl.suspects import Doubts, Suspect, save


def test_a_leaderboard_comes_from_the_run_folder_alone(autotl, run) -> None:
    lines = [line.split() for line in autotl("leaderboard", run).stdout.splitlines()]
    assert lines[1][:4] == ["1", "1", "0.950", "tiny"]
    assert lines[2][:3] == ["2", "0", "0.900"]
    assert "optimistic" in autotl("leaderboard", run).stdout


def test_json_tells_every_trial_with_numbers_that_json_can_hold(autotl, run) -> None:
    answer = json.loads(autotl("leaderboard", run, "--json").stdout, parse_constant=lambda word: 1 / 0)
    assert answer["metric"] == "accuracy"
    assert [row["trial"] for row in answer["trials"]] == [1, 0, 2]
    assert answer["trials"][2]["score"] is None
    assert answer["trials"][0]["candidate"]["values"] == {"learning_rate": 0.001}
    assert "history" not in answer["trials"][0]


def test_top_keeps_the_best(autotl, run) -> None:
    answer = json.loads(autotl("leaderboard", run, "--top", "1", "--json").stdout)
    assert [row["rank"] for row in answer["trials"]] == [1]


def test_a_run_without_trials_is_a_one_line_error(autotl, run) -> None:
    shutil.rmtree(run / "trials")
    done = autotl("leaderboard", run)
    assert done.exit_code == 1
    assert "Run the same search again" in done.stderr


def test_suspects_are_shown_as_they_are_spelt_the_likeliest_first(autotl, run) -> None:
    wrong = Suspect("bees/[red]\x1b[2J1.jpg", "bees", "ants", 0.98, 0.01, "train", "suspect")
    hard = Suspect("ants/7.jpg", "ants", "bees", 0.55, 0.45, "valid", "hard")
    save(RunFolder(run), Doubts("tiny", 9, (wrong, hard)))
    shown = [line.split() for line in autotl("suspects", run).stdout.splitlines()]
    assert shown[0] == ["May", "be", "labelled", "wrongly"]
    assert shown[2] == ["bees/[red]\\x1b[2J1.jpg", "bees", "0.010", "ants", "0.980", "train"]
    assert shown[6] == ["ants/7.jpg", "ants", "0.450", "bees", "0.550", "valid"]
    assert [each["kind"] for each in json.loads(autotl("suspects", run, "--json").stdout)["found"]] == [
        "suspect",
        "hard",
    ]
    assert len(json.loads(autotl("suspects", run, "--json", "--top", "1").stdout)["found"]) == 1


def test_where_no_label_is_doubted_or_none_was_looked_at_a_line_says_so(autotl, run) -> None:
    done = autotl("suspects", run)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    save(RunFolder(run), Doubts("tiny", 9, ()))
    assert autotl("suspects", run).stdout == "No label is doubted: judged were 9 pictures by the probe of tiny.\n"


def test_a_report_is_written_into_the_run_or_elsewhere(autotl, run, tmp_path) -> None:
    done = autotl("report", run)
    assert done.stdout.splitlines() == [f"report: {run / 'report.html'}", f"card: {run / 'best' / 'model_card.md'}"]
    assert "<h1>data</h1>" in (run / "report.html").read_text("utf-8")
    assert "# data" in (run / "best" / "model_card.md").read_text("utf-8")
    assert autotl("report", run, "-o", tmp_path / "one.html").stdout == f"report: {tmp_path / 'one.html'}\n"
    assert (tmp_path / "one.html").is_file()


def test_a_report_opens_in_the_browser_when_asked_to(autotl, run, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    autotl("report", run, "--open")
    assert opened == [(run / "report.html").resolve().as_uri()]


def test_a_report_of_no_run_or_to_no_place_is_a_line(autotl, run, tmp_path) -> None:
    (tmp_path / "file").touch()
    for arguments in ((tmp_path,), (run, "-o", tmp_path / "file" / "x.html")):
        done = autotl("report", *arguments)
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
