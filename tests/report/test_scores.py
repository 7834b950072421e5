from __future__ import annotations

import json

import pytest

from autotl.folder import RunFolder
from autotl.report import scores


@pytest.fixture
def metrics(run):
    return json.loads(RunFolder(run).metrics.read_text())


def lines(console, renderable, text_of) -> list[str]:
    console.print(renderable)
    return [" ".join(line.split()) for line in text_of(console).splitlines()]


def test_the_table_has_each_score_and_the_bounds_of_those_on_test(metrics, screen, text_of) -> None:
    told = lines(screen(80, terminal=False), scores.table(metrics), text_of)
    assert "balanced calibration" in told[0]
    assert told[1] == "accuracy accuracy macro F1 log loss error pictures"
    assert told[3:] == [
        "validation 0.950 0.940 0.930 0.123 0.021 10",
        "test 0.900 0.940 0.930 0.123 0.021 10",
        "95% from 0.800 0.840 0.830 0.023",
        "to 0.970 0.960 0.950 0.143",
    ]


@pytest.mark.parametrize("width", [78, 108])
def test_the_table_fits(metrics, screen, text_of, width) -> None:
    console = screen(width, terminal=False)
    console.print(scores.table(metrics))
    found = text_of(console).splitlines()
    assert len(found) == 7
    assert max(len(line) for line in found) <= width


def test_without_a_test_part_the_table_has_validation_alone(metrics, screen, text_of) -> None:
    told = lines(screen(80, terminal=False), scores.table({**metrics, "test": None}), text_of)
    assert told[3:] == ["validation 0.950 0.940 0.930 0.123 0.021 10"]


def test_metrics_of_an_older_run_are_told_as_far_as_they_go(metrics, screen, text_of) -> None:
    older = {name: metrics[name] for name in ("metric", "trial", "valid", "test")}
    older["test"] = {name: value for name, value in metrics["test"].items() if name != "intervals"}
    del older["valid"]["calibration_error"]
    told = lines(screen(80, terminal=False), scores.table(older), text_of)
    assert told[3] == "validation 0.950 0.940 0.930 0.123 - 10"
    assert scores.remarks(older) == {}


def test_the_choice_of_the_best_is_told_with_its_correction(metrics) -> None:
    assert scores.remarks(metrics)["choice"] == (
        "The validation score 0.950 is the best of 4 trials on 10 pictures; "
        "corrected for that choice it is about 0.921 (0.850 to 0.980)."
    )


def test_a_correction_that_changes_nothing_is_told_as_such(metrics) -> None:
    for corrected in (0.95, 0.955):
        metrics["optimism"]["corrected"] = corrected
        assert "next to nothing" in scores.remarks(metrics)["choice"]


def test_a_log_loss_is_corrected_upwards(metrics) -> None:
    metrics["metric"] = "log_loss"
    metrics["optimism"] |= {"best": 0.1, "corrected": 0.13}
    assert "corrected for that choice it is about 0.130" in scores.remarks(metrics)["choice"]


def test_one_trial_is_no_choice(metrics) -> None:
    metrics["optimism"]["trials"] = 1
    assert "choice" not in scores.remarks(metrics)


def test_the_runs_of_the_recipe_are_told_with_their_spread(metrics) -> None:
    assert "seeds" not in scores.remarks(metrics)
    runs = {"runs": [3, 5, 6], "scores": [0.96, 0.95, 0.94], "mean": 0.95, "spread": 0.01, "again": 0.945}
    assert scores.remarks({**metrics, "repetitions": runs})["seeds"] == (
        "3 runs of the recipe score 0.950 on validation on average, spread 0.010: 0.960 at first, 0.945 when repeated."
    )


def test_what_the_temperature_did_is_told_where_it_was_not_fitted(metrics) -> None:
    assert scores.remarks(metrics)["temperature"] == (
        "1.42, fitted on validation: the calibration error on test is 0.021, without it 0.058."
    )
    assert "on validation is 0.021" in scores.remarks({**metrics, "test": None})["temperature"]
    assert scores.remarks({**metrics, "temperature": 1.0})["temperature"].startswith("1: the probabilities are as")


def test_leaks_are_told_with_the_scores_without_them(metrics) -> None:
    assert "leaks" not in scores.remarks(metrics)
    leaky = {**metrics, "without_leaks": {"test": {"leaked": 4, "pictures": 6, "accuracy": 0.8}}}
    assert scores.remarks(leaky)["leaks"] == (
        "4 of 10 test pictures show the same as pictures of an earlier part, or share a group; "
        "without them accuracy is 0.800 instead of 0.900."
    )
    assert "10 pictures, 4 of them known from an earlier part, scored once" in scores.verdict(leaky)
    leaky["without_leaks"] = {"valid": {"leaked": 10, "pictures": 0}}
    assert scores.remarks(leaky)["leaks"].endswith(": none would be left without them.")
    assert "that the search never saw" in scores.verdict(leaky)
