from __future__ import annotations

import dataclasses
import io

import pytest

from autotl import events
from autotl.report.plain import PlainView


@pytest.fixture
def told():
    """A view, its clock and what it wrote."""
    file, now = io.StringIO(), [0.0]
    return PlainView(file, clock=lambda: now[0]), now, file


def test_a_search_reads_as_plain_lines(told, began, record) -> None:
    view, now, file = told
    with view:
        view(began)
        view(events.BackboneResolved("mobilenet_v2", "imagenet", 224, 154, 2_257_984))
        view(events.BackboneResolved("resnet50", "imagenet", 0, 0, 0, problem="no weights"))
        view(events.Probed("mobilenet_v2", 0.87654, 0.8, 0.9, 6.1, 8.25, 0))
        view(events.TrialEnded(dataclasses.replace(record(0, score=0.9), probe=True)))
        view(events.Probed("resnet18", problem="Not probed: no time is left."))
        now[0] = 70.0
        view(events.TrialBegan(0, record(0).candidate))
        view(events.TrialEnded(record(0, score=0.931)))
        view(events.TrialEnded(record(1, "pruned", 0.5)))
        view(events.TrialEnded(record(2, "failed", None)))
        heavy = dataclasses.replace(record(3, "pruned", None), over=True, reason="over the limit: 30 MB, 20 at most")
        view(events.TrialEnded(heavy))
        view(events.Note("half the batch", warning=True))
        view(events.SearchEnded(None))
    text = file.getvalue()
    assert "\x1b" not in text
    assert text.splitlines() == [
        "[     0s] 40 pictures of 2 classes (ants, bees): train 20, valid 10, test 10",
        "[     0s] data: 1 file cannot be read and is left out: [red]a.jpg",
        "[     0s] budget: 5m; metric: accuracy; run folder: runs/insects",
        "[     0s] backbone mobilenet_v2: 224 px, 154 layers, 2.3M parameters, weights imagenet",
        "[     0s] backbone resnet50 left out: no weights",
        "[     0s] probe of mobilenet_v2: accuracy 0.877 cross-validated, neighbours 0.800, validation 0.900, "
        "8.2 ms a picture, in 6.1s; it is trial 0",
        "[     0s] probe of resnet18: Not probed: no time is left.",
        "[ 1m 10s] trial 0: mobilenet_v2 · 224 px · 9 unfrozen · dense · flip_crop · rate 3.2e-4",
        "[ 1m 10s] trial 0 complete: accuracy 0.931 in 12s, the best so far",
        "[ 1m 10s] trial 1 pruned: accuracy 0.500 in 12s",
        "[ 1m 10s] trial 2 failed: the worker ran out of memory",
        "[ 1m 10s] trial 3 not trained, over the limit: 30 MB, 20 at most",
        "[ 1m 10s] warning: half the batch",
        "[ 1m 10s] done: 4 trials",
    ]


def test_progress_is_told_in_tenths_where_a_step_takes_long(told) -> None:
    view, now, file = told
    for done in range(1001):
        now[0] += 0.05
        view(events.Progress("features", done, 1000))
    lines = file.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("features: 20% (200 of 1000)")


def test_a_quick_step_is_not_told(told) -> None:
    view, _, file = told
    for done in (0, 5, 10):
        view(events.Progress("features", done, 10))
    assert file.getvalue() == ""


def test_epochs_are_told_only_when_a_trial_takes_long(told, record) -> None:
    view, now, file = told
    view(events.TrialBegan(0, record(0).candidate))
    for epoch in range(1, 41):
        now[0] += 1.0
        view(events.EpochEnded(0, 40, {"epoch": epoch, "score": 0.5, "loss": 0.25}))
    lines = file.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[1].endswith("trial 0: epoch 10 of 40, score 0.500, loss 0.250")


def test_a_trial_that_follows_another_says_so(told, record) -> None:
    view, _, file = told
    candidate = record(0).candidate
    view(events.TrialBegan(4, candidate, continues=2))
    view(events.TrialBegan(5, dataclasses.replace(candidate, seed=1), repeats=3))
    lines = file.getvalue().splitlines()
    assert "trial 4: goes on with trial 2: mobilenet" in lines[0]
    assert "trial 5: repeats trial 3 with seed 1: mobilenet" in lines[1]


def test_a_trial_that_was_cut_short_says_why(told, record) -> None:
    view, _, file = told
    view(events.TrialEnded(dataclasses.replace(record(0, score=0.9), reason="stopped by Ctrl-C")))
    assert file.getvalue().rstrip().endswith("the best so far; stopped by Ctrl-C")


def test_a_resumed_run_says_what_it_keeps(told, began, record) -> None:
    view, _, file = told
    view(dataclasses.replace(began, finished=(record(0), record(1))))
    assert "resumed: 2 trials of an earlier run kept" in file.getvalue()
