from __future__ import annotations

import dataclasses
import json

import pytest

from autotl.errors import RunError
from autotl.events import Probed
from autotl.folder import RunFolder
from autotl.report.summary import summary, trials
from autotl.result import open_run


def words_of(console, renderable, text_of) -> str:
    console.print(renderable)
    return " ".join(text_of(console).split())


def test_the_report_comes_from_the_run_folder_alone(run, screen, text_of) -> None:
    console = screen(120, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "1 file cannot be read and is left out: [red]a.jpg" in text
    assert "1 3 0.950 mobilenet_v2 9 dense flip_crop 3.2e-4" in text
    assert "4 trials: 2 complete, 1 pruned, 1 failed, 2m 03s in all" in text
    assert "validation 0.950 0.940 0.930 0.123 0.021 10" in text
    assert "choice The validation score 0.950 is the best of 4 trials on 10 pictures" in text
    assert "temperature 1.42, fitted on validation" in text
    assert "Test accuracy 0.900, 95% interval 0.800 to 0.970: 10 pictures that the search never saw" in text
    assert "head.dense.units 256" in text
    for command in ("predict", "evaluate", "export", "leaderboard"):
        assert f"autotl {command} '" in text  # the folder has a blank in its name, so it is quoted


def test_a_probe_that_won_is_told_as_one_and_all_probes_have_a_table(run, record, screen, text_of) -> None:
    folder = RunFolder(run)
    folder.save_record(dataclasses.replace(record(3, score=0.95), probe=True, best_epoch=None, history=()))
    folder.save_probes([Probed("mobilenet_v2", 0.91, 0.88, 0.95, 6.1, 8.25, 3), Probed("vast", problem="No time.")])
    console = screen(120, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "mobilenet_v2 0.910 0.880 0.950 8.2 6.1s 3" in text
    assert "! vast: No time." in text
    assert "trial 3, one linear layer on frozen features" in text
    assert "flip_crop · probe" in text
    assert "head.dense.units" not in text
    assert "4 trials, 1 of them a probe:" in text


def test_files_that_are_not_there_are_not_promised(run, screen, text_of) -> None:
    console = screen(200, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "model.keras" in text
    assert "curves.png" not in text


def test_without_a_test_part_the_report_says_that_the_score_is_optimistic(run, screen, text_of) -> None:
    file = RunFolder(run).metrics
    file.write_text(json.dumps({**json.loads(file.read_text()), "test": None}))
    console = screen(80, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "No untouched test part exists." in text
    assert "optimistic" in text
    assert "--test-split 0.2" in text


def test_a_search_that_has_not_ended_has_no_report_but_a_leaderboard(run, screen, text_of) -> None:
    RunFolder(run).metrics.unlink()
    console = screen(80, terminal=False)
    with pytest.raises(RunError, match="no finished search"):
        summary(open_run(run), console)
    text = words_of(console, trials(open_run(run), console, 1), text_of)
    assert "4 trials, the best 1 shown: 2 complete, 1 pruned, 1 failed, the search has not finished" in text


def test_no_line_of_the_report_is_wider_than_the_screen(run, screen, text_of) -> None:
    console = screen(80, terminal=False)
    console.print(summary(open_run(run), console))
    assert max(len(line) for line in text_of(console).splitlines()) <= 80


def test_the_trial_told_is_the_one_that_was_written_not_the_first_of_the_leaderboard(run, screen, text_of) -> None:
    file = RunFolder(run).metrics
    file.write_text(json.dumps({**json.loads(file.read_text()), "trial": 0, "soup": [0, 3]}))
    console = screen(100, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "Best model trial 0, epoch 4 of 5" in text
    assert "soup the mean of the weights of trials 0 and 3" in text


def test_a_soup_that_did_not_help_is_told(run, screen, text_of) -> None:
    file = RunFolder(run).metrics
    file.write_text(json.dumps({**json.loads(file.read_text()), "soup": [3]}))
    console = screen(100, terminal=False)
    text = words_of(console, summary(open_run(run), console), text_of)
    assert "trial 3 alone: no mean of weights was better" in text
