"""Conducts the trials of a search: hands them to workers, hears how they go, retries, confirms, finishes."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from autotl.agenda import Agenda, Running
from autotl.candidate import State, TrialRecord, to_plain
from autotl.errors import TrialError
from autotl.events import EpochEnded, Note, Progress, TrialBegan, TrialEnded, Watcher
from autotl.folder import write_whole
from autotl.interrupt import Interrupt
from autotl.limits import nearness
from autotl.winner import winner
from autotl.workers import Lost, Pool, ask


class Conductor:
    """One search's trials, from the first one to the finished winner."""

    def __init__(self, pool: Pool, agenda: Agenda, tell: Watcher, stop: Interrupt | None = None) -> None:
        self.pool, self.agenda, self.tell = pool, agenda, tell
        self.folder, self.config, self.budget = agenda.folder, agenda.config, agenda.budget
        self.running: dict[int, Running] = {}
        self._stop = stop or Interrupt(tell)

    def run_trials(self) -> int:
        """Run trials until the budget is spent, nothing is left to try, or Ctrl-C; return how many ended.

        If any did, the best few are confirmed with other seeds, as far as there is time.
        """
        records = self.agenda.records
        before = len(records)
        with self._stop.heeded():
            self._work(self._following)
            if not self.folder.is_finished(len(records)) and not self._confirm():
                self._work(self._following)  # in the time that was kept for it
        return len(records) - before

    def finish(self) -> dict[str, Any]:
        """Have the best trial written as a whole model and scored; raises TrialError when no trial ended well."""
        chosen = winner(self.agenda.records, self.config.metric)
        if chosen is None:
            raise TrialError(self._nothing_ended())
        best = chosen.best
        job = {"do": "finish", "number": best.number, "score": best.score, "candidate": to_plain(best.candidate)}
        job.update(confirmed=list(chosen.runs), kin=self.agenda.kin(best))
        try:
            answer = ask(self.pool, job, self.tell)
        except TrialError as error:
            raise TrialError(f"The best model could not be written: {error}") from error
        metrics: dict[str, Any] = answer["metrics"]
        metrics.update(seconds=round(self.budget.elapsed(), 1), trials=len(self.agenda.records), score=best.score)
        self._draw(best)
        write_whole(self.folder.importances, json.dumps(self.agenda.study.importances(), indent=1))
        self.agenda.study.settle()
        write_whole(self.folder.metrics, json.dumps(metrics, indent=1))
        return metrics

    def _work(self, following: Callable[[], Running | None]) -> None:
        """Keep the workers busy with what `following()` gives, until it gives nothing and all have ended."""
        while True:
            for place in self.pool.idle():
                trial = None if self._stop.asked else following()
                if trial is None:
                    break
                self._give(place, trial)
            if not self.running:
                return
            for place, message in self.pool.listen(0.1):
                self._heard(place, message)

    def _following(self) -> Running | None:
        return self.agenda.following(self.running.values())

    def _confirm(self) -> bool:
        """Run the best recipes with other seeds; return whether there was time for any."""
        repeats = self.agenda.repeats()
        if not repeats or self._stop.asked:
            return False
        self.tell(Note(f"Confirming the best recipes: {len(repeats)} more runs of them, with other seeds."))

        def following() -> Running | None:
            in_time = repeats and self.budget.left() > 0
            return self.agenda.repeated(repeats.pop(0)) if in_time else None

        self._work(following)
        return True

    def _give(self, place: int, trial: Running) -> None:
        self.running[place] = trial
        self.folder.begin(trial.number, trial.begun())
        self.tell(TrialBegan(trial.number, trial.candidate, trial.continues, trial.repeats))
        # what a first trial has learnt by the end of an epoch is better than nothing, however late it is
        first = all(record.state == "failed" or record.over for record in self.agenda.records)
        left = math.inf if first else self.budget.left()
        trial.until = self.budget.elapsed() + left
        job = {
            "do": "trial",
            "number": trial.number,
            "candidate": to_plain(trial.candidate),
            "accumulate": trial.accumulate,
            "resume": trial.continues,
            "until": None if left == math.inf else max(left, 0.0),
            **self.agenda.measured(trial),
        }
        self.pool.give(place, job)

    def _heard(self, place: int, message: dict[str, Any] | Lost) -> None:
        trial = self.running[place]
        if isinstance(message, Lost):
            self._lost(place, trial, message)
        elif message["say"] == "progress":
            self.tell(Progress(message["what"], message["done"], message["total"]))
        elif message["say"] == "epoch":
            self._epochs(place, trial, [message["row"]])
        elif message["say"] == "resumed":
            self._epochs(place, trial, message["rows"])
        elif message["say"] == "failed" and message["kind"] == "memory":
            self._lost(place, trial, Lost(message["reason"], memory=True))
        elif message["say"] == "over":
            self._end(place, trial, "pruned", message["reason"], message)
        elif message["say"] == "failed":
            self._end(place, trial, "pruned" if message["kind"] == "late" else "failed", message["reason"])
        else:
            trial.history = message["history"]
            state: State = "pruned" if trial.paused else "complete"
            self._end(place, trial, state, self._cut_short(trial, message), message)

    def _epochs(self, place: int, trial: Running, rows: Sequence[dict[str, float]]) -> None:
        """Take up the epochs that were not known yet, and tell the worker whether to go on."""
        for row in rows[max(len(trial.history) + 1 - int(rows[0]["epoch"]), 0) :]:
            self.tell(EpochEnded(trial.number, trial.candidate.epochs, row))
            self.agenda.report(trial, row)
        trial.late = self.budget.left() <= 0
        self.pool.answer(place, go=not (trial.paused or trial.late or self._stop.asked))

    def _cut_short(self, trial: Running, message: dict[str, Any]) -> str:
        """Return in words what ended a trial early, "" when that was a rung or its own patience."""
        late = trial.late or self.budget.elapsed() >= trial.until
        if trial.paused or not message["stopped"] or not (late or self._stop.asked):
            return ""
        why = "by Ctrl-C" if self._stop.asked else "when the time was up"
        return f"stopped {why}, after epoch {len(trial.history)} of {trial.candidate.epochs}"

    def _lost(self, place: int, trial: Running, lost: Lost) -> None:
        """Go on from the last epoch; for want of memory, begin again with half the batch, twice accumulated.

        Who kills a worker from outside may be the system, short of memory: the second time it is taken for that.
        One that fell silent would do so again.
        """
        memory = lost.memory or (lost.killed and trial.tries > 1)
        halves = memory and trial.accumulate == 1 and trial.continues is None  # a saved state belongs to its batch
        if self._stop.asked or lost.silence or not (halves or trial.tries == 1):
            self._end(place, trial, "failed", lost.reason)
            return
        again, how = replace(trial, tries=trial.tries + 1), "it goes on where it was"
        if halves:
            batch = max(int(trial.candidate.number("batch_size")) // 2, 1)
            again.candidate = replace(trial.candidate, values={**trial.candidate.values, "batch_size": batch})
            again.accumulate, again.history, how = 2, [], "it is tried once more with half the batch"
        self.tell(Note(f"Trial {trial.number}: {lost.reason}; {how}.", warning=True))
        self.pool.free(place)
        self._give(place, again)

    def _end(
        self, place: int, trial: Running, state: State, reason: str = "", message: dict[str, Any] | None = None
    ) -> None:
        del self.running[place]
        self.pool.free(place)
        message = message or {}
        record = TrialRecord(
            number=trial.number,
            state=state,
            candidate=trial.candidate,
            score=message.get("score"),
            best_epoch=message.get("best_epoch"),
            metrics=message.get("metrics", {}),
            seconds=round(time.monotonic() - trial.began, 3),
            reason=reason,
            history=tuple(trial.history),
            continues=trial.continues,
            repeats=trial.repeats,
            over=message.get("say") == "over",
            spared=message.get("spared"),
            **message.get("footprint", {}),
        )
        self.folder.save_record(record)
        self.tell(TrialEnded(record))
        self.agenda.ended(record, self.running.values())

    def _draw(self, best: TrialRecord) -> None:
        from autotl.report.curves import draw

        draw(best, self.folder.best / "curves.png")

    def _nothing_ended(self) -> str:
        records = self.agenda.records
        over = [record for record in records if record.over]
        if over and len(over) == len(records):
            nearest = min(over, key=lambda record: nearness(record.footprint, self.config))
            return f"All {len(over)} candidates were over a limit; trial {nearest.number} is nearest, {nearest.reason}."
        reasons = Counter(record.reason for record in records if record.reason)
        if reasons:
            reason, count = reasons.most_common(1)[0]
            return f"No trial ended well; {count} of {len(records)} failed with: {reason}"
        if self._stop.asked:
            return "The search was stopped before its first trial ended. The same command again goes on."
        return "The budget was spent before the first trial ended. Give more with --time."
