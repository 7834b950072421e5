"""What whole networks take, measured on a small real one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotl.candidate import Footprint
from autotl.transfer import footprint
from autotl.transfer.footprint import Scales
from autotl.transfer.network import whole

from .test_workshop import candidate, data, workshop  # noqa: F401  (fixtures)


@pytest.fixture
def scales(workshop) -> Scales:  # noqa: F811
    workshop.config = workshop.config.model_copy(update={"max_latency_ms": 9000.0})
    return Scales(workshop)


def of_head(head: str, **values):
    return replace(candidate(), head=head, values={f"head.{head}.{name}": value for name, value in values.items()})


DENSE = of_head("dense", units=64, dropout=0.1, pooling="average")


def test_the_size_is_that_of_the_whole_model_that_would_be_written(scales):
    network = scales.workshop.network("speck", 32)
    model = whole(network, scales.workshop.head(network, DENSE))
    assert scales.candidate(DENSE, 5.0).size_mb == scales.finished(model).size_mb == 4 * model.count_params() / 1e6


def test_a_linear_head_takes_what_the_backbone_was_measured_with(scales):
    backbone = scales.backbone("speck", 32)
    assert scales.candidate(of_head("plain"), backbone.latency_ms) == backbone


def test_a_shape_of_a_head_is_timed_once(scales, monkeypatch):
    timed = []
    monkeypatch.setattr(footprint, "latency", lambda model: timed.append(model) or float(len(timed)))
    first = scales.candidate(DENSE, 5.0)
    assert first.latency_ms == 5.0 + 1.0 - 2.0  # the head, then a linear one
    assert scales.candidate(of_head("dense", units=64, dropout=0.5, pooling="average"), 5.0) == first
    assert len(timed) == 2
    scales.candidate(of_head("dense", units=32, dropout=0.1, pooling="average"), 5.0)
    assert len(timed) == 3


def test_without_a_limit_of_latency_only_the_finished_model_is_timed_and_on_a_gpu_not_even_that(scales, monkeypatch):
    limited = scales.backbone("speck", 32), scales.candidate(DENSE, 5.0)
    scales.workshop.config = scales.workshop.config.model_copy(update={"max_latency_ms": None})
    network = scales.workshop.network("speck", 32)
    model = whole(network, scales.workshop.head(network, DENSE))
    assert scales.finished(model).latency_ms > 0
    monkeypatch.setattr(footprint, "latency", lambda model: pytest.fail("it was timed"))
    assert scales.backbone("speck", 32) == Footprint(limited[0].size_mb)
    assert scales.candidate(DENSE, None) == Footprint(limited[1].size_mb)
    scales.workshop.has_gpu = True
    assert scales.finished(model) == Footprint(limited[1].size_mb)


def test_a_mixed_search_is_measured_in_the_float32_of_the_finished_model(scales):
    scales.workshop.mixed = True
    assert scales.backbone("speck", 32).latency_ms > 0
    assert scales.workshop.mixed
    assert [key[2] for key in scales.workshop._networks] == [False]
