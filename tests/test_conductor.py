"""Whole searches with a played pool: what is given to workers, in which order, and when there is time no more."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotl.agenda import KEPT_STATES, Agenda
from autotl.budget import Budget
from autotl.conductor import Conductor
from autotl.config import make
from autotl.costs import Costs, Pictures
from autotl.errors import TrialError
from autotl.events import EpochEnded, Note, TrialBegan
from autotl.folder import RunFolder
from autotl.study import Study
from autotl.workers import Lost

from .test_proposals import space
from .theatre import Theatre

STARTS = len(space().starts())


def slowly(candidate, epoch) -> float:
    """Ten seconds for an epoch of unfrozen layers, which stay as they are in the first."""
    return 10.0 if candidate.unfrozen_layers and epoch > 1 else 1.0


def quality(candidate) -> float:
    """What a candidate comes to in the end: high rates and wide heads are good here."""
    return 0.5 + 0.4 * (candidate.number("learning_rate") * 100) ** 0.5 + (candidate.head == "dense") * 0.05


def rising(candidate) -> list[float]:
    return [quality(candidate) * (1 - 0.5**epoch) for epoch in range(1, 11)]


class InTurn:
    """Curves that rise to given heights, one for each recipe in the order of arrival; the last serves all others."""

    def __init__(self, *heights):
        self.heights, self.seen = heights, []

    def __call__(self, candidate) -> list[float]:
        recipe = candidate.backbone, candidate.head, candidate.unfrozen_layers, candidate.values["learning_rate"]
        if recipe not in self.seen:
            self.seen.append(recipe)
        height = self.heights[min(self.seen.index(recipe), len(self.heights) - 1)]
        return [height * (1 - 0.5**epoch) for epoch in range(1, 11)]


# four recipes of ours, one that comes late, and enough bad ones to show that it is in the best third
LATE = (0.70, 0.71, 0.72, 0.73, 0.69, *(0.1 + number / 100 for number in range(20)))
ENOUGH = 14


class Search:
    """A search with a played pool, and what it told."""

    def __init__(
        self, path, curve=rising, pace=lambda candidate, epoch: 1.0, places=1, ms=None, pins=None, over=None, **asked
    ):
        self.folder = RunFolder(path)
        self.pool = Theatre(self.folder, curve, pace, places, over or (lambda candidate: False))
        self.config = make(data="d", out=str(path), epochs=5, **{"confirm": 0, **asked})
        one = space(batch_size=32, **(pins or {}))  # so that an epoch of the same depth costs the same
        study = Study(self.folder.study, one, metric="accuracy", seed=3)
        for number in study.recover(self.folder.records()):
            self.folder.forget(number)
        study.begin()
        self.budget = Budget(self.config, self.pool.elapsed)
        costs = Costs(one.anatomies, Pictures(100, 20, 20), 4, frozenset({"none"}), dict(ms or {}))
        self.told = []
        self.agenda = Agenda(study, self.folder, self.config, self.budget, costs, self.told.append, places)
        self.conductor = Conductor(self.pool, self.agenda, self.tell)

    def tell(self, event) -> None:
        self.told.append(event)

    def run(self):
        self.conductor.run_trials()
        return self

    @property
    def records(self):
        return self.agenda.records

    def notes(self) -> str:
        return " ".join(event.text for event in self.told if isinstance(event, Note))


@pytest.fixture
def run(tmp_path):
    tmp_path.joinpath("run").mkdir()
    return tmp_path / "run"


def test_our_own_recipes_run_to_their_end_and_losers_among_the_others_pause_at_the_rung(run):
    search = Search(run, trials=20).run()
    by_number = {record.number: record for record in search.records}
    assert all(by_number[number].state == "complete" for number in range(STARTS))
    paused = [record for record in search.records if record.state == "pruned"]
    assert paused
    assert {len(record.history) for record in paused} == {2}
    best = max(search.records, key=lambda record: quality(record.candidate))
    assert best.state == "complete" or any(record.continues == best.number for record in search.records)


def test_a_promoted_trial_goes_on_where_it_paused_under_a_new_number(run):
    search = Search(run, curve=InTurn(*LATE), trials=ENOUGH).run()
    (record,) = [record for record in search.records if record.continues is not None]
    (job,) = [job for job in search.pool.jobs if job["number"] == record.number]
    (before,) = [each for each in search.records if each.number == record.continues]
    assert (before.number, before.state) == (STARTS, "pruned")
    assert job["resume"] == before.number
    assert (record.state, record.candidate, record.score) == ("complete", before.candidate, 0.69 * (1 - 0.5**5))
    assert record.history[:2] == before.history
    assert len(record.history) == 5
    assert not search.folder.state(before.number).exists()
    trained = sum(len(each.history) for each in search.records if each.continues is None)
    assert search.pool.now == trained + 3  # no epoch was trained twice


def test_promotions_do_not_count_as_trials(run):
    search = Search(run, curve=InTurn(*LATE), trials=ENOUGH).run()
    assert sum(record.continues is None for record in search.records) == ENOUGH


def test_the_states_of_the_hopeless_are_deleted(run):
    search = Search(run, trials=40).run()
    kept = {int(file.parent.name) for file in run.glob("trials/*/state.npz")}
    assert 0 < len(kept) <= KEPT_STATES
    assert all(record.state == "pruned" for record in search.records if record.number in kept)


def test_only_weights_of_trials_that_may_win_are_kept(run):
    search = Search(run, trials=12).run()
    kept = {int(file.parent.name) for file in run.glob("trials/*/weights.npz")}
    best = sorted((r for r in search.records if r.state == "complete"), key=lambda r: -r.score)[:3]
    assert kept == {record.number for record in best}


def test_a_search_that_was_stopped_promotes_as_if_it_had_not_been(tmp_path):
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole = Search(tmp_path / "whole", curve=InTurn(*LATE), trials=ENOUGH).run()
    first = Search(tmp_path / "halves", curve=InTurn(*LATE), trials=ENOUGH - 4).run()
    second = Search(tmp_path / "halves", curve=first.pool.curve, trials=ENOUGH)
    second.pool.remember(first.pool)
    second.run()
    recipes = [[(r.candidate, r.state, len(r.history)) for r in each.records] for each in (whole, second)]
    assert recipes[0] == recipes[1]


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.integers(60, 200), places=st.integers(1, 2), pace=st.floats(3, 9), skill=st.floats(0.2, 5))
def test_the_time_is_kept_however_wrong_the_predictions_are(tmp_path_factory, seconds, places, pace, skill):
    run = tmp_path_factory.mktemp("run")
    ms = dict.fromkeys(space().anatomies, 10 * skill * pace)
    search = Search(
        run, pace=lambda c, epoch: pace * (1 + c.unfrozen_layers / 47), places=places, ms=ms, seconds=seconds
    )
    search.run()
    assert any(record.state == "complete" for record in search.records)
    first = len(search.records[0].history)
    assert search.pool.now <= max(seconds - search.budget.reserve, pace * first) + 2 * pace


def test_what_would_not_end_in_time_is_not_begun(run):
    ms = dict.fromkeys(space().anatomies, 1.0)
    search = Search(run, pace=slowly, ms=ms, seconds=120).run()
    assert 1 <= sum(record.candidate.unfrozen_layers > 0 for record in search.records) <= 2  # then it was known
    assert sum(record.candidate.unfrozen_layers == 0 for record in search.records) > 3
    assert not any(record.reason for record in search.records)
    assert search.pool.now > 100


def test_a_misjudged_trial_ends_in_time_stays_eligible_and_says_so(run):
    search = Search(run, pace=slowly, seconds=30).run()
    (cut,) = [record for record in search.records if record.reason]
    assert cut.state == "complete"
    assert cut.reason == f"stopped when the time was up, after epoch {len(cut.history)} of 5"
    assert search.pool.now <= 30


def test_a_trial_that_shows_nothing_in_its_time_has_not_failed_and_is_tried_when_there_is_more(run):
    slow = {"pace": lambda c, epoch: 40.0 if c.unfrozen_layers else 1.0}
    late = Search(run, seconds=30, **slow).run().records[1]
    assert (late.state, late.score, late.reason) == ("pruned", None, "The time was up.")
    again = Search(run, seconds=1000, **slow).run().records
    assert [record.state for record in again if record.candidate == late.candidate] == ["pruned", "complete"]


def test_a_trial_that_settles_early_was_not_cut_short(run):
    search = Search(run, trials=1)
    trial = search.pool._trial

    def settle(place, job):
        *epochs, done = trial(place, job)
        yield from epochs[:3]
        yield {**done, "history": done["history"][:3], "stopped": True}

    search.pool._trial = settle
    (only,) = search.run().records
    assert (only.state, only.reason, len(only.history)) == ("complete", "", 3)


def test_a_recipe_that_did_not_fit_is_tried_when_there_is_more_time(run):
    slow = {"pace": slowly}
    assert not any(r.candidate.unfrozen_layers == 47 for r in Search(run, seconds=60, **slow).run().records)
    more = Search(run, seconds=600, **slow)
    recipe = next(r for r in more.run().records if r.candidate.unfrozen_layers == 47)
    assert recipe.state == "complete"
    assert recipe.candidate.augmentation == "flip_crop"


def test_however_small_the_budget_one_trial_is_run_and_no_more(run):
    search = Search(run, seconds=0.5).run()
    (only,) = search.records
    assert (only.state, len(only.history)) == ("complete", 1)
    assert search.pool.jobs[0]["until"] is None


def test_the_best_recipes_are_repeated_with_other_seeds_and_the_winner_has_the_best_mean(run):
    def curve(candidate):
        luck = 0.3 if candidate.seed == 0 and candidate.head == "linear" else 0.0
        return [(quality(candidate) + luck) * (1 - 0.5**epoch) for epoch in range(1, 11)]

    search = Search(run, curve=curve, trials=8, confirm=2).run()
    repeats = [record for record in search.records if record.repeats is not None]
    assert {(record.repeats, record.candidate.seed) for record in repeats} == {
        (first, seed) for first in {record.repeats for record in repeats} for seed in (1, 2)
    }
    assert len({record.repeats for record in repeats}) == 2
    assert {record.candidate.epochs for record in repeats} == {8}
    assert all(len(record.history) == 8 for record in repeats)  # no rung pauses them
    search.conductor.finish()
    job = search.pool.jobs[-1]
    assert job["do"] == "finish"
    assert job["number"] in job["confirmed"]
    assert job["kin"] == []
    assert search.folder.metrics.is_file()


def test_confirmation_takes_no_more_than_its_share_and_nothing_when_the_budget_is_small(tmp_path):
    for seconds, expected in ((200, False), (800, True)):
        run = tmp_path / str(seconds)
        run.mkdir()
        search = Search(run, pace=lambda candidate, epoch: 8.0, seconds=seconds, confirm=2).run()
        spent = 8.0 * sum(len(record.history) for record in search.records if record.repeats is not None)
        assert (spent > 0) == expected
        assert spent <= 0.25 * seconds


def test_a_soup_gets_those_that_share_the_network(run):
    search = Search(run, trials=10, confirm=1, soup=True).run()
    search.conductor.finish()
    job = search.pool.jobs[-1]
    assert {job["number"], *job["confirmed"]} <= {*job["kin"]}
    networks = {
        (r.candidate.backbone, r.candidate.unfrozen_layers, r.candidate.head)
        for r in search.records
        if r.number in job["kin"]
    }
    assert len(networks) == 1


def test_a_trial_whose_worker_dies_goes_on_where_it_was(run):
    search = Search(run, trials=1)
    epochs = iter(range(100))
    tell = search.conductor.tell

    def strike(event):
        tell(event)
        if isinstance(event, EpochEnded) and next(epochs) == 2:
            search.pool.mishaps.append(Lost("its worker ended by itself"))

    search.conductor.tell = strike
    (only,) = search.run().records
    assert (only.state, only.candidate.values["batch_size"], len(only.history)) == ("complete", 32, 5)
    assert search.pool.trained == 5  # none of them twice
    assert "goes on where it was" in search.notes()


def test_a_trial_whose_worker_dies_again_has_failed(run):
    search = Search(run, trials=1)
    search.pool.mishaps += [Lost("its worker ended by itself")] * 2
    (only,) = search.run().records
    assert (only.state, only.reason) == ("failed", "its worker ended by itself")


def test_a_trial_that_falls_silent_has_failed_at_once(run):
    search = Search(run, trials=1)
    search.pool.mishaps.append(Lost("no sign of life for 8 s", silence=True))
    (only,) = search.run().records
    assert (only.state, len(search.pool.jobs)) == ("failed", 1)


def test_who_kills_a_worker_twice_is_taken_for_a_lack_of_memory(run):
    search = Search(run, trials=1)
    search.pool.mishaps += [Lost("signal 9", killed=True)] * 2
    (only,) = search.run().records
    assert (only.state, only.candidate.values["batch_size"]) == ("complete", 16)


def test_a_trial_that_lacks_memory_is_tried_once_more_with_half_the_batch(run):
    search = Search(run, trials=1)
    search.pool.mishaps.append(Lost("gone", memory=True))
    (only,) = search.run().records
    assert (only.state, only.candidate.values["batch_size"]) == ("complete", 16)
    assert [job["accumulate"] for job in search.pool.jobs] == [1, 2]


def test_a_continued_trial_that_is_lost_goes_on_from_the_same_state_again(run):
    search = Search(run, curve=InTurn(*LATE), trials=ENOUGH)
    give, fallen = search.pool.give, []

    def give_and_fall(place, job):
        give(place, job)
        if job.get("resume") is not None and not fallen:
            fallen.append(job)
            search.pool.mishaps.append(Lost("gone", memory=True))

    search.pool.give = give_and_fall
    search.run()
    first, again = [job for job in search.pool.jobs if job["number"] == fallen[0]["number"]]
    assert first["resume"] == again["resume"] == STARTS
    assert first["candidate"] == again["candidate"]
    assert search.agenda.record(first["number"]).state == "complete"


def test_a_repeated_trial_keeps_the_halved_batch_and_its_accumulation(run):
    search = Search(run, trials=2, confirm=1)
    search.pool.mishaps.append(Lost("gone", memory=True))
    search.run()
    (repeat,) = [
        job
        for job in search.pool.jobs
        if job["candidate"]["seed"] == 1 and job["candidate"]["values"]["batch_size"] == 16
    ]
    assert repeat["accumulate"] == 2


def test_ctrl_c_skips_the_confirmation_and_finishes(run):
    search = Search(run, trials=50, confirm=2)

    def interrupt(event):
        if isinstance(event, TrialBegan) and event.number == 5:
            os.kill(os.getpid(), signal.SIGINT)

    search.conductor.tell = interrupt
    search.run()
    assert len(search.records) == 6
    assert search.records[-1].reason == "stopped by Ctrl-C, after epoch 1 of 5"
    assert not any(record.repeats for record in search.records)


def test_a_second_ctrl_c_stops_at_once_and_the_search_goes_on_later(run):
    search = Search(run, trials=8)

    def interrupt(event):
        if isinstance(event, EpochEnded) and event.number == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    search.conductor.tell = interrupt
    with pytest.raises(KeyboardInterrupt):
        search.run()
    assert [record.number for record in search.folder.records()] == [0, 1, 2]
    assert "goes on where it was" in search.notes()
    again = Search(run, trials=8)
    again.pool.remember(search.pool)
    again.run()
    assert [record.number for record in again.records] == list(range(8))
    assert search.pool.trained + again.pool.trained == sum(len(record.history) for record in again.records)


def test_ctrl_c_before_the_first_trial_ended_is_told_as_what_it_is(run):
    search = Search(run, trials=5)
    search.conductor._stop.asked = True
    search.run()
    with pytest.raises(TrialError, match=r"was stopped before its first trial ended\. The same command"):
        search.conductor.finish()


def test_when_no_whole_trial_fits_any_more_a_shorter_one_fills_the_time(run):
    search = Search(run, pace=lambda candidate, epoch: 4.0, pins={"unfrozen_layers": 0}, seconds=84).run()
    last = search.records[-1]
    assert last.candidate.epochs in (3, 4)  # of five; less than half are not worth it
    assert len(last.history) == last.candidate.epochs
    assert {record.candidate.epochs for record in search.records[:-1]} == {5}
    assert search.budget.left() < 12


def test_once_nothing_new_fits_the_most_hopeful_paused_trial_fills_the_time(run):
    search = Search(run, curve=InTurn(*LATE), pins={"unfrozen_layers": 0}, seconds=61).run()
    last = [job for job in search.pool.jobs if job["do"] == "trial"][-1]
    assert last["resume"] is not None
    assert search.agenda.record(last["number"]).state == "complete"
    assert search.budget.left() < 5  # a new trial takes five seconds, the rest of a paused one three


def test_candidates_over_a_limit_are_told_once_and_cost_no_trial(run):
    search = Search(run, trials=6, over=lambda candidate: candidate.head == "dense").run()
    over = [record for record in search.records if record.over]
    assert over
    assert {(r.candidate.head, r.state, r.score, r.history, r.size_mb) for r in over} == {
        ("dense", "pruned", None, (), 30.0)
    }
    assert len({record.candidate.key() for record in over}) == len(over)
    assert len(search.records) - len(over) == 6
    assert search.conductor.finish()["trial"] not in [record.number for record in over]


def test_a_search_in_which_nothing_keeps_the_limits_ends_and_says_so(run):
    search = Search(run, trials=6, over=lambda candidate: True, max_size_mb=20).run()
    assert 0 < len(search.records) <= 30
    assert "broke a limit" in search.notes() or "has been tried" in search.notes()
    with pytest.raises(TrialError, match=r"candidates were over a limit; trial 0 is nearest, over the limit: 30 MB"):
        search.conductor.finish()


def test_a_repeated_network_is_not_measured_again(run):
    search = Search(run, trials=4, confirm=1).run()
    repeats = [record for record in search.records if record.repeats is not None]
    jobs = {job["number"]: job for job in search.pool.jobs}
    assert repeats
    assert all(jobs[each.number]["footprint"] == {"size_mb": 10.0, "latency_ms": 2.0} for each in repeats)
