"""A search killed at any moment ends as if it had not been: with a played pool, at every step of the parent."""

from __future__ import annotations

import dataclasses

import optuna
import pytest

from autotl import folder
from autotl.candidate import to_plain
from autotl.config import make
from autotl.prober import Prober
from autotl.proposals import SearchSpace
from autotl.study import Study

from .test_conductor import ENOUGH, LATE, InTurn, Search
from .test_prober import HEADS, Workers, anatomy, done
from .theatre import Theatre

STEPS = [
    (folder, "write_whole"),
    (optuna.Study, "tell"),
    (optuna.Study, "ask"),
    (optuna.Study, "enqueue_trial"),
    (optuna.Trial, "report"),
    (optuna.Trial, "set_user_attr"),
    (optuna.Trial, "suggest_float"),
    (Theatre, "give"),
    (Theatre, "answer"),
    (Study, "hand_back"),
]


class Killed(BaseException):
    """The process is no more."""


class Fate:
    """Counts the steps of a search, and kills it before one of them."""

    def __init__(self, monkeypatch):
        self.steps, self.last = 0, -1
        for owner, name in STEPS:
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, step):
        def counted(*args, **options):
            if self.steps == self.last:
                raise Killed
            self.steps += 1
            return step(*args, **options)

        return counted

    def allow(self, steps: int) -> None:
        self.steps, self.last = 0, steps


def told(search: Search) -> list:
    """Return all that a search found, less what clocks say."""
    return [
        (r.number, r.state, r.candidate, r.score, r.continues, r.repeats, [dict(row) for row in r.history])
        for r in search.folder.records()
    ]


def studied(search: Search) -> list:
    trials = optuna.load_study(study_name="autotl", storage=f"sqlite:///{search.folder.study}").trials
    kept = [(t.number, t.state.name, t.value, t.params, t.intermediate_values) for t in trials]
    return [(*each, sorted(t.user_attrs.keys() - {"seconds"})) for each, t in zip(kept, trials, strict=True)]


def finished(path, curve, lasts=ENOUGH) -> Search:
    search = Search(path, curve=curve, trials=lasts, confirm=int(lasts == ENOUGH)).run()
    search.conductor.finish()
    return search


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that pauses, promotes and confirms, undisturbed, and the number of its steps."""
    with pytest.MonkeyPatch.context() as patched:
        fate = Fate(patched)
        path = tmp_path_factory.mktemp("whole")
        search = finished(path, InTurn(*LATE))
        assert any(record.continues is not None for record in search.records)
        assert any(record.repeats is not None for record in search.records)
        return search, fate.steps


def resumed(path, killed_at: int, monkeypatch) -> tuple[Search, int]:
    """Return a search that was killed at a step and then went on, and how many epochs both trained."""
    fate, curve, pools = Fate(monkeypatch), InTurn(*LATE), []
    fate.allow(killed_at)
    made = Theatre.__init__

    def remembered(pool, *args, **options):
        made(pool, *args, **options)
        if pools:
            pool.remember(pools[0])
        pools.append(pool)

    monkeypatch.setattr(Theatre, "__init__", remembered)
    with pytest.raises(Killed):
        finished(path, curve)
    fate.allow(-1)
    search = finished(path, curve)
    return search, sum(pool.trained for pool in pools)


@pytest.mark.parametrize("share", [number / 8 for number in range(8)])
def test_a_search_killed_at_any_step_ends_with_the_same_trials_and_repeats_no_epoch(
    share, whole, tmp_path, monkeypatch
):
    undisturbed, steps = whole
    search, trained = resumed(tmp_path, int(share * steps), monkeypatch)
    assert told(search) == told(undisturbed)
    assert studied(search) == studied(undisturbed)
    assert trained == undisturbed.pool.trained


NETS = [anatomy("net", 1_000_000), anatomy("twice", 2_000_000), anatomy("odd", 3_000_000)]
ANSWERS = {"net": done(), "twice": done(0.8), "odd": done(kept=False)}


def probed(path) -> tuple[list, list]:
    """Probe three backbones, queue the first trials, and return what the run folder and the study hold."""
    path.mkdir(exist_ok=True)
    found = {each.backbone: each for each in NETS}
    config, run = make(data="data", out=str(path)), folder.RunFolder(path)
    study = Study(run.study, SearchSpace(found, HEADS, {"none": {}}, {}, 5), metric="accuracy", seed=0)
    study.recover(run.records())
    workers = Workers(ANSWERS)
    probes = Prober(workers, study, run, config, 100, lambda: workers.now, lambda event: None).probe(found)
    study.begin(list(found))
    trials = optuna.load_study(study_name="autotl", storage=f"sqlite:///{run.study}").trials
    kept = [(t.number, t.state.name, t.value, t.params) for t in trials]
    return [to_plain(each) for each in [*probes, *run.records()]], kept


def test_probes_killed_at_any_step_are_made_as_if_they_had_not_been(tmp_path, monkeypatch):
    fate = Fate(monkeypatch)
    undisturbed, steps = probed(tmp_path / "whole"), fate.steps
    assert len(undisturbed[1]) > len(NETS)
    for step in range(0, steps, 3):
        fate.allow(step)
        with pytest.raises(Killed):
            probed(tmp_path / str(step))
        fate.allow(-1)
        assert probed(tmp_path / str(step)) == undisturbed, step


def test_a_record_that_the_study_lost_in_a_power_cut_is_made_again(tmp_path, whole):
    undisturbed, _ = whole
    first = finished(tmp_path, InTurn(*LATE), lasts=3)
    ended = first.records[-1]
    phantom = dataclasses.replace(ended, number=ended.number + 1, score=1.0)
    first.folder.save_record(phantom)
    search = finished(tmp_path, first.pool.curve)
    assert told(search) == told(undisturbed)
