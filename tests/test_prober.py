from __future__ import annotations

import dataclasses

import optuna
import pytest

from autotl import events
from autotl.candidate import Anatomy
from autotl.config import make
from autotl.folder import RunFolder
from autotl.prober import Prober, best_first, cheapest_first, cost, to_try
from autotl.proposals import SearchSpace
from autotl.study import Study
from autotl.workers import Lost

METRICS = {"accuracy": 0.8, "balanced_accuracy": 0.8, "macro_f1": 0.8, "log_loss": 0.4}
HEADS = {"linear": {}, "dense": {}}


def anatomy(name: str, parameters: int = 2_000_000, image_size: int = 96) -> Anatomy:
    return Anatomy(name, image_size, 10, parameters, (3, 3, 16), (0, 10), (0, 10), "imagenet", "0")


def done(score: float = 0.7, **others) -> dict:
    said = {"say": "done", "score": score, "knn": 0.6, "metrics": METRICS, "seconds": 5.0, "ms": 10.0, "kept": True}
    return {**said, **others}


class Workers:
    """Answers each job at once, with what a backbone's name stands for; a second of a made-up clock passes."""

    def __init__(self, answers: dict, places: int = 1):
        self.answers, self.places, self.jobs, self.now, self._given = answers, places, [], 0.0, {}

    def idle(self):
        return [place for place in range(self.places) if place not in self._given]

    def give(self, place, job):
        self.jobs.append(job)
        self._given[place] = job

    def free(self, place):
        del self._given[place]

    def listen(self, seconds):
        for place, job in list(self._given.items()):
            answer = self.answers[job["backbone"]]
            self.now += answer["seconds"] if isinstance(answer, dict) and "seconds" in answer else 1.0
            yield place, {"say": "progress", "what": "Features", "done": 1, "total": 2}
            yield place, answer


class Told(list):
    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]


@pytest.fixture
def search(tmp_path):
    """Probe some backbones, as often as one likes, in one run folder: returns what was found, told and asked."""

    def probe(anatomies: list[Anatomy], answers: dict, places: int = 1, pictures: int = 100, **settings):
        found = {each.backbone: each for each in anatomies}
        config = make(data="data", out=str(tmp_path), **settings)
        space = SearchSpace(found, HEADS, {"none": {}}, dict(config.pins), 5)
        study = Study(tmp_path / "study.db", space, metric=config.metric, seed=0)
        workers, told = Workers(answers, places), Told()
        prober = Prober(workers, study, RunFolder(tmp_path), config, pictures, lambda: workers.now, told.append)
        return prober.probe(found), told, workers

    return probe


def trials(folder) -> list:
    return optuna.load_study(study_name="autotl", storage=f"sqlite:///{folder / 'study.db'}").trials


def test_a_probe_is_told_kept_and_recorded_as_a_finished_trial(search, tmp_path):
    found, told, workers = search([anatomy("net")], {"net": done()})
    expected = events.Probed("net", 0.7, 0.6, 0.8, 5.0, 10.0, 0)
    assert found == told.of(events.Probed) == RunFolder(tmp_path).probed() == [expected]
    (record,) = RunFolder(tmp_path).records()
    assert told.of(events.TrialEnded) == [events.TrialEnded(record)]
    assert (record.score, record.metrics, record.seconds, record.probe) == (0.8, METRICS, 5.0, True)
    assert (record.candidate.backbone, record.candidate.head, record.history) == ("net", "linear", ())
    (job,) = workers.jobs
    assert (job["do"], job["number"], job["backbone"], job["image_size"]) == ("probe", 0, "net", 96)
    assert job["candidate"]["head"] == "linear"
    (trial,) = trials(tmp_path)
    assert (trial.state.name, trial.value) == ("COMPLETE", 0.8)


def test_the_score_of_its_trial_is_that_of_the_metric(search, tmp_path):
    search([anatomy("net")], {"net": done()}, metric="log_loss")
    assert RunFolder(tmp_path).records()[0].score == 0.4


def test_the_cheapest_are_probed_first_and_of_those_alike_the_one_that_comes_first(search):
    nets = [
        anatomy("vast", 90_000_000),
        anatomy("good", 2_200_000),
        anatomy("small", 2_000_000),
        anatomy("tiny", 90_000),
    ]
    assert [each.backbone for each in cheapest_first(nets)] == ["tiny", "good", "small", "vast"]
    _, _, workers = search(nets, {each.backbone: done() for each in nets})
    assert [job["backbone"] for job in workers.jobs] == ["tiny", "good", "small", "vast"]


def test_more_pixels_make_a_backbone_dearer():
    small, large = anatomy("small", 4_000_000, 96), anatomy("large", 2_000_000, 384)
    assert cheapest_first([large, small]) == [small, large]


def test_what_cannot_fit_into_a_quarter_of_the_time_is_skipped_and_said_so(search):
    nets = [anatomy("net", 1_000_000), anatomy("twice", 2_000_000), anatomy("vast", 90_000_000)]
    answers = {"net": done(seconds=3.0), "twice": done(ms=20.0, seconds=4.0)}
    found, told, _ = search(nets, answers, seconds=80.0)
    assert [each.problem for each in found[:2]] == ["", ""]
    # 100 pictures take 2 s in the latest probe, and 2 s go besides
    expected = 2 + 2 * cost(nets[2]) / cost(nets[1])
    assert found[2].problem == (
        f"Not probed: about {expected:.0f} s needed, 13 s left of the quarter that probes may take."
    )
    assert told.of(events.Progress)[-1] == events.Progress("Probing backbones", 3, 3)


def test_however_little_time_there_is_one_backbone_is_probed(search):
    nets = [anatomy("net"), anatomy("other"), anatomy("vast", 80_000_000)]
    found, _, workers = search(nets, {"net": done()}, seconds=4.0)
    assert [job["backbone"] for job in workers.jobs] == ["net"]
    assert [bool(each.problem) for each in found] == [False, True, True]
    assert "no time left" in found[1].problem


def test_without_a_time_budget_all_are_probed(search):
    nets = [anatomy("net"), anatomy("vast", 300_000_000)]
    found, _, _ = search(nets, {"net": done(), "vast": done(seconds=90_000.0)}, trials=1)
    assert [each.problem for each in found] == ["", ""]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Lost("its worker ended by itself (exit code 3)"), "its worker ended by itself (exit code 3)."),
        ({"say": "failed", "kind": "error", "reason": "RuntimeError: no"}, "RuntimeError: no"),
    ],
)
def test_a_probe_that_fails_is_told_and_the_next_one_goes_on(search, tmp_path, answer, reason):
    found, told, _ = search([anatomy("bad"), anatomy("net")], {"bad": answer, "net": done()}, seconds=100.0)
    assert found[0] == told.of(events.Probed)[0] == events.Probed("bad", problem=f"Probing it failed: {reason}")
    assert found[1].score == 0.7
    assert [record.candidate.backbone for record in RunFolder(tmp_path).records()] == ["net"]
    assert [trial.state.name for trial in trials(tmp_path)] == ["FAIL", "COMPLETE"]
    assert best_first(found, ["bad", "net"], "accuracy") == ["net", "bad"]


def test_a_head_that_is_made_otherwise_makes_no_trial_of_a_probe(search, tmp_path):
    (found,), _, _ = search([anatomy("net")], {"net": done(kept=False)})
    assert (found.score, found.trial) == (0.7, None)
    assert RunFolder(tmp_path).records() == []
    assert [trial.state.name for trial in trials(tmp_path)] == ["FAIL"]


def test_a_search_of_other_candidates_probes_without_making_trials(search, tmp_path):
    (found,), told, workers = search([anatomy("net")], {"net": done()}, pins={"unfrozen_layers": 10})
    assert (found.score, found.trial) == (0.7, None)
    assert (workers.jobs[0]["number"], workers.jobs[0]["candidate"]) == (None, None)
    assert told.of(events.TrialEnded) == []
    assert trials(tmp_path) == []


def test_a_resumed_run_tells_what_it_knows_and_probes_only_the_rest(search):
    nets = [anatomy("net"), anatomy("other")]
    answers = {"net": done(), "other": Lost("killed")}
    first, _, _ = search(nets, answers)
    again, told, workers = search(nets, {})
    assert again == told.of(events.Probed) == first
    assert workers.jobs == []
    more, _, workers = search([*nets, anatomy("new")], {"new": done()}, pins={"unfrozen_layers": 10})
    assert [job["backbone"] for job in workers.jobs] == ["new"]
    assert [each.backbone for each in more] == ["net", "other", "new"]


def test_several_workers_share_the_probes(search, tmp_path):
    nets = [anatomy(f"net_{n}") for n in range(5)]
    found, _, _ = search(nets, {each.backbone: done() for each in nets}, places=2)
    assert sorted(each.trial for each in found) == [0, 1, 2, 3, 4]
    assert {record.number: record.candidate.backbone for record in RunFolder(tmp_path).records()} == {
        each.trial: each.backbone for each in found
    }


@pytest.mark.parametrize(("metric", "order"), [("accuracy", "bac"), ("log_loss", "cab")])
def test_the_best_probed_come_first_and_the_unknown_last(metric, order):
    probes = [events.Probed(name, score=score) for name, score in (("a", 0.5), ("b", 0.9), ("c", 0.1))]
    probes.append(dataclasses.replace(probes[0], backbone="d", score=None, problem="no"))
    assert best_first(probes, "edabc", metric) == [*order, "e", "d"]


def test_trials_begin_with_the_best_probed_and_then_with_those_that_nothing_is_known_of():
    probes = [events.Probed("a", score=0.5), events.Probed("b", score=0.9), events.Probed("c", problem="Not probed.")]
    assert to_try(probes, "abcd", "accuracy") == ["b", "c", "d", "a"]
    assert to_try([], "abcd", "accuracy") == ["a", "b", "c", "d"]
