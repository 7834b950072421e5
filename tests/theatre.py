"""A pool that plays: its workers train nothing, they follow given curves on a clock that only they move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autotl.candidate import Candidate, candidate_from
from autotl.folder import RunFolder
from autotl.workers import Lost

Curve = Callable[[Candidate], Sequence[float]]


class Theatre:
    """Stands for a Pool; `curve` gives a candidate's score after each epoch, `pace` the seconds of its epochs."""

    def __init__(
        self,
        folder: RunFolder,
        curve: Curve,
        pace: Callable[[Candidate, int], float],
        places: int = 1,
        over: Callable[[Candidate], bool] = lambda candidate: False,
    ) -> None:
        self.folder, self.curve, self.pace = folder, curve, pace
        self.over = over
        self.jobs: list[dict[str, Any]] = []
        self.now = 0.0
        self.mishaps: list[dict[str, Any] | Lost] = []
        self._idle = set(range(places))
        self._acts: dict[int, Iterator[dict[str, Any] | Lost]] = {}
        self._go: dict[int, bool] = {}
        self.trained = 0  # epochs
        self._histories: dict[int, tuple[str, list[dict[str, float]]]] = {}  # what a state on disk would tell

    def elapsed(self) -> float:
        """Return the seconds on the clock."""
        return self.now

    def remember(self, earlier: Theatre) -> None:
        """Know the trials that another pool has run in the same folder."""
        self._histories.update(earlier._histories)

    def idle(self) -> list[int]:
        """Return the places without a job."""
        return sorted(self._idle)

    def give(self, place: int, job: dict[str, Any]) -> None:
        """Begin a job."""
        self._idle.discard(place)
        self.jobs.append(job)
        self._go[place] = True
        self._acts[place] = self._trial(place, job) if job["do"] == "trial" else self._finish(job)

    def answer(self, place: int, go: bool) -> None:
        """Take the answer to an epoch."""
        self._go[place] = go

    def free(self, place: int) -> None:
        """End a job."""
        self._idle.add(place)
        self._acts.pop(place, None)

    def listen(self, seconds: float) -> Iterator[tuple[int, dict[str, Any] | Lost]]:
        """Yield the next word of each worker; the clock moves by the longest of their epochs."""
        began, latest = self.now, self.now
        for place, act in list(self._acts.items()):
            self.now = began
            yield place, self.mishaps.pop() if self.mishaps else next(act)
            latest = max(latest, self.now)
        self.now = latest

    def _trial(self, place: int, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        number, candidate = job["number"], candidate_from(job["candidate"])
        if self.over(candidate) and not job["footprint"]:
            yield {"say": "over", "reason": "over the limit: 30 MB", "footprint": {"size_mb": 30.0, "latency_ms": 2.0}}
        until = self.now + job["until"] if job["until"] is not None else float("inf")
        assert job["resume"] is None or self.folder.state(job["resume"]).is_file() or number in self._histories
        key = candidate.key()
        known = [self._histories.get(each) for each in (number, job["resume"])]
        history = next((list(each[1]) for each in known if each is not None and each[0] == key), [])
        if history:
            yield {"say": "resumed", "rows": list(history)}
        curve = self.curve(candidate)
        stopped = not self._go[place]
        for epoch in range(len(history) + 1, candidate.epochs + 1) if not stopped else ():
            seconds = self.pace(candidate, epoch)
            if self.now + seconds > until:
                self.now, stopped = until, True
                break
            self.now += seconds
            score = curve[min(epoch, len(curve)) - 1]
            history.append({"epoch": epoch, "score": score, "valid_loss": 1 - score, "seconds": seconds})
            self._histories[number] = key, list(history)
            self.trained += 1
            yield {"say": "epoch", "row": history[-1]}
            if not self._go[place]:
                stopped = epoch < candidate.epochs
                break
        if not history:
            yield {"say": "failed", "kind": "late", "reason": "The time was up."}
        kept = [self.folder.weights(number), *([self.folder.state(number)] if stopped else [])]
        for file in kept:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
        best = max(history, key=lambda row: row["score"])
        yield {
            "say": "done",
            "history": history,
            "score": best["score"],
            "best_epoch": best["epoch"],
            "metrics": {"accuracy": best["score"], "log_loss": best["valid_loss"]},
            "stopped": stopped,
            "footprint": {"size_mb": 10.0, "latency_ms": 2.0},
        }

    def _finish(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"say": "done", "metrics": {"trial": job["number"], "metric": "accuracy", "test": None}}
