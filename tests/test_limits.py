"""Limits of latency and size: what breaks them, which backbones stay, and a search in which some do not."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import autotl
from autotl import events
from autotl.candidate import Footprint
from autotl.config import make
from autotl.errors import ConfigError
from autotl.limits import broken, nearness, within
from autotl.report.page import page
from autotl.report.summary import summary

from .searches import QUICK, Heard
from .test_proposals import anatomy

NUMBERS = st.floats(0.01, 1e4)
FOOTPRINTS = st.builds(Footprint, NUMBERS | st.none(), NUMBERS | st.none())


def asked(latency: float | None = None, size: float | None = None):
    return make(data="d", out="o", max_latency_ms=latency, max_size_mb=size)


@given(FOOTPRINTS, NUMBERS | st.none(), NUMBERS | st.none())
def test_a_limit_is_broken_by_what_is_known_to_be_over_it(found, latency, size):
    over = (latency is not None and (found.latency_ms or 0) > latency, size is not None and (found.size_mb or 0) > size)
    told = broken(found, asked(latency, size))
    assert ("ms a picture" in told, "MB" in told) == over
    assert (nearness(found, asked(latency, size)) > 1) == any(over)


@given(st.lists(FOOTPRINTS, min_size=1, max_size=5), NUMBERS, NUMBERS)
def test_backbones_stay_in_their_order_or_are_told_of_and_the_nearest_is_named_if_none_does(found, latency, size):
    config, told = asked(latency, size), Heard()
    nets = {f"net{i}": replace(anatomy(f"net{i}"), footprint=each) for i, each in enumerate(found)}
    good = [name for name, each in nets.items() if not broken(each.footprint, config)]
    if good:
        assert list(within(nets, config, told)) == good
        assert [note.text.split()[0] for note in told.of(events.Note)] == [name for name in nets if name not in good]
    else:
        nearest = min(nets.values(), key=lambda each: nearness(each.footprint, config))
        with pytest.raises(ConfigError, match=f"The nearest is {nearest.backbone}, .*Raise --max-latency-ms"):
            within(nets, config, told)


@pytest.mark.parametrize("name", ["max_latency_ms", "max_size_mb"])
@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), "small"])
def test_a_limit_is_a_number_above_nothing(name, value):
    with pytest.raises(ConfigError, match=name):
        make(data="d", out="o", **{name: value})


@pytest.fixture(scope="module")
def limited(data, tmp_path_factory):
    """A search with a limit that one backbone breaks with any head, and one head on the other."""
    heard, out = Heard(), tmp_path_factory.mktemp("runs") / "run"
    asked = {**QUICK, "backbones": ("speck", "acorn"), "max_size_mb": 0.03, "max_latency_ms": 10_000}
    pins = {"unfrozen_layers": 0, "head.dense.units": 1024, "head.dense.dropout": 0.2}
    settings = {**asked, "pins": pins, "heads": ("plain", "dense"), "trials": 2}
    return autotl.search(data, out=out, watcher=heard, **settings), heard, settings


def test_a_backbone_over_the_limit_is_left_out_before_the_first_trial(limited):
    result, heard, _ = limited
    (note,) = [note.text for note in heard.of(events.Note) if "left out" in note.text]
    assert re.fullmatch(r"acorn is left out, with a linear head at 64 px: 2\.\d+ MB, 0\.03 at most\.", note)
    assert {record.candidate.backbone for record in result.records} == {"speck"}
    assert {probed.backbone for probed in result.probes} == {"speck"}


def test_a_head_over_the_limit_is_not_trained_and_cannot_win(limited):
    result, _, _ = limited
    over = [record for record in result.records if record.over]
    assert {(record.candidate.head, record.history) for record in over} == {("dense", ())}
    assert all(re.match(r"over the limit: 0\.0\d+ MB, 0\.03 at most$", record.reason) for record in over)
    assert result.best.candidate.head == "plain"
    assert result.metrics["size_mb"] == result.best.size_mb < 0.03
    assert result.metrics["over_limit"] == ""


def test_each_trial_and_the_finished_model_tell_what_they_take(limited):
    result, _, _ = limited
    assert all(record.latency_ms > 0 and record.size_mb > 0 for record in result.records)
    assert result.metrics["latency_ms"] > 0
    model = result.model()
    assert result.metrics["size_mb"] == pytest.approx(4 * model.count_params() / 1e6)


def test_what_was_over_the_limit_is_told(limited):
    result, _, _ = limited
    console = Console(width=160, record=True, markup=False, file=io.StringIO())
    console.print(summary(result, console))
    text = console.export_text()
    assert "over limit" in text
    assert "MB of float32 parameters; one picture takes" in " ".join(text.split())
    told = page(result)
    assert "Not trained, over a limit" in told
    assert "10000 ms for one picture, 0.03 MB" in told


def test_a_search_that_goes_on_judges_backbones_by_what_was_measured_first(limited, data):
    result, _, settings = limited
    before = result.folder.footprints.read_bytes()
    heard = Heard()
    more = autotl.search(data, out=result.run, watcher=heard, **{**settings, "trials": 3})
    assert result.folder.footprints.read_bytes() == before
    assert len([note for note in heard.of(events.Note) if "acorn is left out" in note.text]) == 1
    assert len(more.records) > len(result.records)
