from __future__ import annotations

import json
import shutil


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
