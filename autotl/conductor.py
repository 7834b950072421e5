"""Conducts the trials of a search: hands candidates to workers, prunes, retries, keeps the budget, finishes."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from autotl.candidate import Candidate, State, TrialRecord, ranked, to_plain
from autotl.errors import TrialError
from autotl.events import EpochEnded, Note, Progress, TrialBegan, TrialEnded, Watcher
from autotl.folder import RunFolder, write_whole
from autotl.proposals import KINDS
from autotl.workers import Lost, Pool

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.study import Study

KEPT_WEIGHTS = 3
_FAILURES_IN_A_ROW = 3
_RESERVE_SHARE, _RESERVE_MOST = 0.1, 20.0


@dataclass
class Running:
    """A trial in a worker."""

    number: int
    candidate: Candidate
    began: float
    accumulate: int = 1
    history: list[dict[str, float]] = field(default_factory=list)
    pruned: bool = False


def spent(config: SearchConfig, trials: int, elapsed: float) -> bool:
    """Return whether a budget allows no more: `trials` ended or running, `elapsed` seconds; the finish is reserved."""
    if config.trials is not None and trials >= config.trials:
        return True
    if config.seconds is None:
        return False
    return elapsed >= config.seconds - min(_RESERVE_SHARE * config.seconds, _RESERVE_MOST)


class Conductor:
    """One search's trials, from the first proposal to the finished winner."""

    def __init__(
        self,
        pool: Pool,
        study: Study,
        folder: RunFolder,
        config: SearchConfig,
        elapsed: Callable[[], float],
        tell: Watcher,
    ) -> None:
        self.pool, self.study, self.folder, self.config = pool, study, folder, config
        self.records = folder.records()
        self.elapsed, self.tell = elapsed, tell
        self.running: dict[int, Running] = {}
        self.stopping = False
        self._exhausted = False
        self._in_a_row: Counter[tuple[str, str]] = Counter()
        self._succeeded: set[tuple[str, str]] = set()
        for record in self.records:
            self._count(record)

    def run_trials(self) -> int:
        """Run trials until the budget is spent, nothing is left to try, or Ctrl-C; return how many ended."""
        before = len(self.records)
        with self._interruptible():
            while True:
                for place in self.pool.idle():
                    if self._may_begin():
                        self._begin_next(place)
                if not self.running:
                    return len(self.records) - before
                for place, message in self.pool.listen(0.1):
                    self._heard(place, message)

    def finish(self) -> dict[str, Any]:
        """Have the best trial written as a whole model and scored; raises TrialError when no trial ended well."""
        best = next(iter(self._complete()), None)
        if best is None:
            raise TrialError(self._nothing_ended())
        job = {
            "do": "finish",
            "number": best.number,
            "score": best.score,
            "candidate": to_plain(best.candidate),
        }
        answer = self._ask_worker(job)
        metrics: dict[str, Any] = answer["metrics"]
        metrics.update(seconds=round(self.elapsed(), 1), trials=len(self.records), score=best.score)
        self._draw(best)
        write_whole(self.folder.metrics, json.dumps(metrics, indent=1))
        return metrics

    def _complete(self) -> list[TrialRecord]:
        """Return the trials that may win, best first."""
        return [record for record in ranked(self.records, self.config.metric) if record.state == "complete"]

    def _may_begin(self) -> bool:
        if self.stopping or self._exhausted:
            return False
        count = len(self.records) + len(self.running)
        if not count:
            return True  # however small the budget, one trial is better than none
        return not spent(self.config, count, self.elapsed() + self._expected())

    def _expected(self) -> float:
        """Return the seconds that a trial is likely to take, from the latest ones."""
        latest = [record.seconds for record in self.records if record.state == "complete"][-5:]
        return median(latest) if latest else 0.0

    def _begin_next(self, place: int) -> None:
        complete = self._complete()
        if complete:
            self.study.deepen(len(self.records), complete[0].candidate.backbone)
        tried = {record.candidate.key(): record for record in self.records if record.state != "failed"}
        proposal = self.study.ask(tried)
        if proposal is None:
            self._exhausted = True
            self.tell(Note("Every candidate of this search space has been tried."))
            return
        number, candidate = proposal
        self._give(place, Running(number, candidate, time.monotonic()))

    def _give(self, place: int, trial: Running) -> None:
        self.running[place] = trial
        self.tell(TrialBegan(trial.number, trial.candidate))
        candidate = to_plain(trial.candidate)
        job = {"do": "trial", "number": trial.number, "candidate": candidate, "accumulate": trial.accumulate}
        self.pool.give(place, job)

    def _heard(self, place: int, message: dict[str, Any] | Lost) -> None:
        trial = self.running[place]
        if isinstance(message, Lost):
            self._lost(place, trial, message.reason)
        elif message["say"] == "progress":
            self.tell(Progress(message["what"], message["done"], message["total"]))
        elif message["say"] == "epoch":
            self._epoch(place, trial, message["row"])
        elif message["say"] == "failed" and message["kind"] == "memory":
            self._lost(place, trial, message["reason"])
        elif message["say"] == "failed":
            self._end(place, trial, "failed", reason=message["reason"])
        else:
            state: State = "pruned" if trial.pruned else "complete"
            trial.history = message["history"]
            self._end(place, trial, state, message=message)

    def _epoch(self, place: int, trial: Running, row: dict[str, float]) -> None:
        trial.history.append(row)
        self.tell(EpochEnded(trial.number, trial.candidate.epochs, row))
        best_so_far = [epoch["score"] for epoch in trial.history]
        score = min(best_so_far) if self.config.metric == "log_loss" else max(best_so_far)
        trial.pruned = self.study.report(trial.number, int(row["epoch"]), score)
        late = spent(self.config, 0, self.elapsed())
        self.pool.answer(place, go=not (trial.pruned or late or self.stopping))

    def _lost(self, place: int, trial: Running, reason: str) -> None:
        """Try once more with half the batch, twice accumulated; then give up."""
        if trial.accumulate > 1 or self.stopping:
            self._end(place, trial, "failed", reason=reason)
            return
        batch = max(int(trial.candidate.number("batch_size")) // 2, 1)
        smaller = replace(trial.candidate, values={**trial.candidate.values, "batch_size": batch})
        self.tell(Note(f"Trial {trial.number}: {reason}; it is tried once more with half the batch.", warning=True))
        self.pool.free(place)
        self._give(place, Running(trial.number, smaller, trial.began, accumulate=2))

    def _end(
        self, place: int, trial: Running, state: State, *, reason: str = "", message: dict[str, Any] | None = None
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
        )
        self.folder.save_record(record)
        self.study.tell(record)
        self.records.append(record)
        self.tell(TrialEnded(record))
        self._count(record)
        self._drop_weights()

    def _count(self, record: TrialRecord) -> None:
        """Set a part aside that fails three times in a row and never worked."""
        parts = [(kind, str(getattr(record.candidate, kind))) for kind in KINDS]
        if record.state != "failed":
            self._succeeded.update(parts)
            for part in parts:
                self._in_a_row[part] = 0
            return
        for kind, name in parts:
            self._in_a_row[kind, name] += 1
            worked = (kind, name) in self._succeeded
            if self._in_a_row[kind, name] == _FAILURES_IN_A_ROW and not worked and self.study.has_others(kind, name):
                self.study.set_aside(kind, name)
                text = f"The {kind} {name!r} failed in three trials in a row and is set aside: {record.reason}"
                self.tell(Note(text, warning=True))

    def _drop_weights(self) -> None:
        """Delete the weights of trials that can no longer win."""
        kept = {record.number for record in self._complete()[:KEPT_WEIGHTS]}
        for record in self.records:
            if record.number not in kept:
                self.folder.weights(record.number).unlink(missing_ok=True)

    def _ask_worker(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give a job and wait for its answer; a worker that dies is replaced and asked once more."""
        for attempt in (1, 2):
            place = self.pool.idle()[0]
            self.pool.give(place, job)
            answer = self._wait(place)
            self.pool.free(place)
            if not isinstance(answer, Lost):
                break
            if attempt == 2:
                raise TrialError(f"The best model could not be written: {answer.reason}.")
        assert isinstance(answer, dict)
        if answer["say"] == "failed":
            raise TrialError(f"The best model could not be written: {answer['reason']}")
        return answer

    def _wait(self, place: int) -> dict[str, Any] | Lost:
        while True:
            for where, message in self.pool.listen(0.1):
                if where != place:
                    continue
                if isinstance(message, dict) and message["say"] == "progress":
                    self.tell(Progress(message["what"], message["done"], message["total"]))
                else:
                    return message

    def _draw(self, best: TrialRecord) -> None:
        from autotl.report.curves import draw

        draw(best, self.folder.best / "curves.png")

    def _nothing_ended(self) -> str:
        reasons = Counter(record.reason for record in self.records if record.reason)
        if reasons:
            reason, count = reasons.most_common(1)[0]
            return f"No trial ended well; {count} of {len(self.records)} failed with: {reason}"
        return "The budget was spent before the first trial ended. Give more with --time."

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Take the first Ctrl-C as a wish to finish with the best so far, and the second as a stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: object) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True
            self.tell(Note("Finishing with the best so far. Ctrl-C again stops at once.", warning=True))

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
