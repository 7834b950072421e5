"""The agenda: what runs next, a paused trial that has earned its promotion or a new one, and what still fits."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from autotl.blame import Blame
from autotl.budget import Budget
from autotl.candidate import Begun, Candidate, TrialRecord
from autotl.confirm import SHARE, Confirmation, Repeat
from autotl.costs import Costs
from autotl.events import Note, Watcher
from autotl.folder import RunFolder
from autotl.rungs import Rungs
from autotl.winner import kin, may_win, winner

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.study import Study

KEPT_STATES = 6
KEPT_KIN = 8
_HOPELESS = 30  # candidates that broke a limit, one after the other
_ASKED = 10  # times the sampler is asked for something that fits into the time


@dataclass
class Running:
    """A trial in a worker; `spared` when no rung may pause it, `until` where the clock of the budget ends it."""

    number: int
    candidate: Candidate
    began: float = field(default_factory=time.monotonic)
    accumulate: int = 1
    history: list[dict[str, float]] = field(default_factory=list)
    spared: bool = False
    continues: int | None = None
    repeats: int | None = None
    tries: int = 1
    until: float = math.inf
    paused: bool = False
    late: bool = False

    def begun(self) -> Begun:
        """Return what must be known to go on with it in another process."""
        return Begun(**{each.name: getattr(self, each.name) for each in fields(Begun)})


class Agenda:
    """Decides what a search runs next, from all that ended so far."""

    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        config: SearchConfig,
        budget: Budget,
        costs: Costs,
        tell: Watcher,
        places: int = 1,
    ) -> None:
        self.study, self.folder, self.config = study, folder, config
        self.budget, self.costs, self.tell = budget, costs, tell
        self.records = folder.records()
        self._tried_all = self._full = self._full_of_short = False
        self._blame = Blame()
        self._rungs = Rungs(config.epochs, config.metric)
        self._rungs.recall(self.records)
        self._confirmation = Confirmation(costs, config.metric, config.confirm, places)
        self._kept_for_confirmation, self._confirming = 0.0, False
        for record in self.records:
            self.costs.learn(record)
            self._blame.count(record)
        self._reserve()
        self._left_open = [
            Running(number, **{each.name: getattr(begun, each.name) for each in fields(begun)})
            for number, begun in folder.begun().items()
            if study.take(number)
        ]

    def following(self, running: Collection[Running]) -> Running | None:
        """Return the trial to begin now, None when there is none; `running` are those under way.

        First come those that were under way when an earlier session was killed.
        """
        if self._left_open:
            return self._taken_up(self._left_open.pop(0))
        return self._promoted() or self._proposed(running) or self._promoted() or self._proposed(running, shorter=True)

    def repeats(self) -> list[Repeat]:
        """Return the runs that confirm the best recipes, as many as fit; no more time is kept for them from now on."""
        left = None if self.config.seconds is None else self.budget.left()
        self._kept_for_confirmation, self._confirming = 0.0, True
        self._full = self._full_of_short = False
        return self._confirmation.plan(self.records, left)

    def repeated(self, repeat: Repeat) -> Running:
        """Return the trial that makes a run of a confirmation."""
        return self._again(repeat.first, repeat.candidate, repeats=repeat.first.number)

    def report(self, trial: Running, row: dict[str, float]) -> None:
        """Note an epoch of a trial, and whether it is to pause."""
        trial.history.append(row)
        scores = [epoch["score"] for epoch in trial.history]
        best = min(scores) if self.config.metric == "log_loss" else max(scores)
        self.study.report(trial.number, len(trial.history), best)
        if trial.repeats is None:
            trial.paused = self._rungs.report(trial.number, trial.history, spared=trial.spared)

    def ended(self, record: TrialRecord, running: Collection[Running]) -> None:
        """Note how a trial ended: in the study, in what is kept of it, in what is expected of others."""
        if record.state == "pruned" and not record.history and not record.over:
            self.study.hand_back(record.number)  # its time was up before it had begun
        else:
            self.study.tell(record)
        self.records.append(record)
        self.costs.learn(record)
        self._set_aside(record)
        self._reserve()
        self._tidy({trial.continues for trial in running})

    def record(self, number: int) -> TrialRecord:
        """Return the record of an ended trial."""
        return next(record for record in self.records if record.number == number)

    def measured(self, trial: Running) -> dict[str, Any]:
        """Return what is known of the size and the latency of a trial's network, and how long its backbone takes.

        One that goes on or is repeated is the same network: judged once, not by the noise of another measurement.
        """
        before = trial.continues if trial.repeats is None else trial.repeats
        known = None if before is None else self.record(before).footprint
        anatomy = self.costs.anatomies.get(trial.candidate.backbone)
        return {
            "footprint": asdict(known) if known and known.size_mb is not None else None,
            "backbone_ms": anatomy.footprint.latency_ms if anatomy else None,
        }

    def kin(self, best: TrialRecord) -> list[int]:
        """Return the trials for a soup with the best one, if one is wanted, as far as their weights are kept."""
        alike = kin(best, self.records, self.config.metric) if self.config.soup else []
        return [number for number in alike if self.folder.weights(number).is_file()][:KEPT_KIN]

    def _taken_up(self, trial: Running) -> Running:
        """Return a trial that was under way; its worker knows how far it had come."""
        if trial.continues is not None:
            self._rungs.leave(trial.continues)
            trial.history = [dict(row) for row in self.record(trial.continues).history]
        return trial

    def _promoted(self) -> Running | None:
        """Return the paused trial to go on with; once nothing new can begin, any of them will do."""
        for number in self._rungs.waiting() if self._tried_all or self._full else self._rungs.promotable():
            paused = self.record(number)
            if not self.folder.state(number).is_file():
                self._rungs.leave(number)
            elif self._fits(paused.candidate, len(paused.history)):
                self._rungs.leave(number)
                return self._again(paused, paused.candidate, continues=number)
        return None

    def _proposed(self, running: Collection[Running], *, shorter: bool = False) -> Running | None:
        """Return a new trial that fits into the time and the number of trials, with fewer epochs if `shorter`."""
        under_way = sum(trial.continues is None for trial in running)
        full = self._full_of_short if shorter else self._full
        if self._tried_all or full or not self.budget.counts(self.records, under_way):
            return None
        # however small the budget, one trial is better than none
        first = not running and all(record.over for record in self.records)
        if self._is_hopeless():
            self._tried_all = True
            self.tell(Note(f"{_HOPELESS} candidates in a row broke a limit, so no more are tried.", warning=True))
            return None
        known = [record for record in self.records if record.history or record.probe or record.over]
        tried = {record.candidate.key(): record for record in known}
        for _ in range(_ASKED):
            if not first and not self.budget.fits(self._kept_for_confirmation):
                break
            proposal = self.study.ask(tried)
            if proposal is None:
                self._tried_all = True
                self.tell(Note("Every candidate of this search space has been tried."))
                return None
            number, candidate = proposal
            fitting = candidate if first or self._fits(candidate) else self._shortened(candidate) if shorter else None
            if fitting is not None:
                return Running(number, fitting, spared=self.study.is_recipe(number))
            self.study.hand_back(number)
        self._full, self._full_of_short = True, shorter
        return None

    def _is_hopeless(self) -> bool:
        """Return whether the latest candidates all broke a limit: they cost no budget, so there must be an end."""
        latest = self.records[-_HOPELESS:]
        return len(latest) == _HOPELESS and all(record.over for record in latest)

    def _shortened(self, candidate: Candidate) -> Candidate | None:
        """Return a candidate with no more epochs than fit, None where less than half of them do."""
        for epochs in range(candidate.epochs - 1, (candidate.epochs - 1) // 2, -1):
            shorter = replace(candidate, epochs=epochs)
            if self._fits(shorter):
                return shorter
        return None

    def _again(
        self, record: TrialRecord, candidate: Candidate, *, continues: int | None = None, repeats: int | None = None
    ) -> Running:
        """Return a trial that goes on with an earlier one, or repeats it, with the batch that this had in the end."""
        why = {"continues": continues, "repeats": repeats}
        number, proposed = self.study.again(record.number, **{name: of for name, of in why.items() if of is not None})
        accumulate = max(int(proposed.number("batch_size") // candidate.number("batch_size")), 1)
        history = [] if continues is None else [dict(row) for row in record.history]
        return Running(number, candidate, accumulate=accumulate, history=history, continues=continues, repeats=repeats)

    def _fits(self, candidate: Candidate, done: int = 0) -> bool:
        """Return whether a candidate can end in time; while nothing tells its cost, it takes what others took."""
        seconds = self.costs.trial(candidate, done)
        if seconds is None:
            latest = [record.seconds for record in self.records if record.state == "complete"][-5:]
            seconds = median(latest) if latest else 0.0
        return self.budget.fits(seconds + self._kept_for_confirmation)

    def _set_aside(self, record: TrialRecord) -> None:
        """Propose a part no more that fails again and again."""
        for kind, name in self._blame.count(record):
            if self.study.has_others(kind, name):
                self.study.set_aside(kind, name)
                text = f"The {kind} {name!r} failed in three trials in a row and is set aside: {record.reason}"
                self.tell(Note(text, warning=True))

    def _reserve(self) -> None:
        """Keep time for the finish and for the confirmation, by what they will cost as things stand."""
        chosen = winner(self.records, self.config.metric)
        if chosen is None or self.config.seconds is None:
            return
        self.budget.reserve = self.costs.finish(chosen.best.candidate.backbone) or self.budget.reserve
        if not self._confirming:
            repeats = self._confirmation.plan(self.records, SHARE * self.config.seconds)
            self._kept_for_confirmation = self._confirmation.seconds(repeats)

    def _tidy(self, going_on: set[int | None]) -> None:
        """Delete the weights of trials that can no longer win, and the states of those that will not go on."""
        wanted = may_win(self.records, self.config.metric)
        chosen = winner(self.records, self.config.metric)
        wanted.update(self.kin(chosen.best) if chosen else ())
        may_go_on = {*self._rungs.waiting()[:KEPT_STATES], *going_on}
        for record in self.records:
            if record.number not in wanted:
                self.folder.weights(record.number).unlink(missing_ok=True)
            if record.number not in may_go_on:
                self._rungs.leave(record.number)
                self.folder.drop_state(record.number)
