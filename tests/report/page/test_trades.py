"""What a better score costs, and what kept features saved: from the records of trials."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Footprint
from autotl.errors import RunError
from autotl.report.page import facts, plots, searched
from autotl.report.page.plots import Point
from autotl.result import SearchResult, open_run

from ..conftest import trial

POINTS = st.lists(st.builds(Point, st.sampled_from("abc"), st.integers(1, 5), st.integers(0, 5)), min_size=1)


def with_costs(run, **more) -> SearchResult:
    """Keep three trials with what their networks take."""
    for number, backbone, score, size, ms in (
        (3, "mobilenet_v2", 0.95, 9.1, 25.0),
        (7, "mobilenet", 0.9, 13.0, 20.0),
        (8, "mobilenet", 0.8, 14.0, 30.0),
    ):
        record = replace(trial(number, score=score, backbone=backbone), size_mb=size, latency_ms=ms)
        run.save_record(replace(record, **more))
    return open_run(run.path)


def unbeaten(svg: str) -> list[str]:
    return re.findall(r"(\w+) [\d.e+]+, [\d.]+", re.search(r"unbeaten: ([^<]*)</title>", svg)[1])


def test_scores_are_drawn_against_what_whole_networks_take(run):
    ms, size = searched.trades(with_costs(run))
    assert unbeaten(ms) == ["mobilenet", "mobilenet_v2"]
    assert unbeaten(size) == ["mobilenet_v2"]  # the larger networks are worse, too
    assert "limit" not in ms + size


def test_where_no_latency_was_asked_for_scores_are_drawn_against_the_pace_of_probes(run):
    ms, size = searched.trades(with_costs(run, latency_ms=None))
    assert "a picture in a batch" in ms
    assert size in searched.trades(with_costs(run))


def test_a_limit_is_a_line(run):
    run.config.write_text("max_latency_ms = 28.0\n" + run.config.read_text())
    ms, size = searched.trades(with_costs(run))
    assert "the limit is 28<" in ms and ">limit<" in ms
    assert "limit" not in size


def test_a_backbone_that_was_left_out_is_told_with_its_figure(run):
    run.config.write_text("max_size_mb = 10.0\n" + run.config.read_text())
    run.save_footprints({"mobilenet_v2": Footprint(9.1, 25.0), "mobilenet": Footprint(13.0, 20.0)})
    told = {each.name: each.problem for each in searched.backbones(open_run(run.path))}
    assert told["mobilenet"] == "Left out, with a linear head: 13 MB, 10 at most."
    assert told["mobilenet_v2"] == ""


@pytest.mark.parametrize("content", ["[", '{"a": 3}', '{"a": {"size_mb": "much"}}'])
def test_footprints_of_another_shape_are_refused_in_a_line(run, content):
    run.footprints.write_text(content)
    with pytest.raises(RunError, match=r"footprints\.json is not as a search writes it"):
        searched.backbones(open_run(run.path))


def test_trials_that_were_not_measured_are_not_drawn(result):
    assert searched.trades(result) == []


@given(POINTS, st.sampled_from(["accuracy", "log_loss"]))
def test_whatever_is_not_in_front_is_beaten_by_what_is(points, metric):
    front = [each for each in points if not plots._beaten(each, points, metric)]
    assert front
    assert not [each for each in front if plots._beaten(each, front, metric)]
    assert all(each in front or plots._beaten(each, front, metric) for each in points)


@pytest.mark.parametrize(("spared", "unfrozen", "passes"), [(None, 0, 5.0), (3.5, 9, 3.5)])
def test_what_was_not_computed_again_is_told_in_the_time_it_would_have_taken(run, spared, unfrozen, passes):
    for file in run.path.glob("trials/*/trial.json"):
        file.unlink()
    one = trial(0)
    one = replace(one, spared=spared, candidate=replace(one.candidate, unfrozen_layers=unfrozen))
    further = replace(one, number=1, continues=0, spared=None if spared is None else 7 * passes)
    run.save_record(one)
    if spared is not None:
        run.save_record(further)  # its first epochs were those of the other
        passes = 7 * passes
    slow = [replace(each, ms=60_000.0) for each in open_run(run.path).probes]
    run.save_probes(slow)
    result = open_run(run.path)
    minutes = passes * len(result.dataset.indices("train", "valid"))
    many = "1 frozen trial" if spared is None else "2 trials with unfrozen layers"
    assert facts.saved(result).startswith(f"The epochs of {many} read")
    assert re.search(rf"about {int(minutes // 60)}h {round(minutes % 60):02d}m\.$", facts.saved(result))


def test_nothing_is_told_of_unfrozen_trials_of_which_it_is_not_known(result):
    assert facts.saved(result) == ""
