"""What is known of a search so far, gathered from its events; the views only draw it."""

from __future__ import annotations

from dataclasses import dataclass, field

from autotl import events
from autotl.budget import fresh
from autotl.candidate import Candidate, TrialRecord, ranked
from autotl.config import SearchConfig
from autotl.data.dataset import Dataset

DEFAULT_METRIC = "accuracy"


@dataclass(slots=True)
class Running:
    """A trial that a worker is training."""

    number: int
    candidate: Candidate
    began: float
    rows: list[dict[str, float]] = field(default_factory=list)

    def scores(self) -> list[float]:
        """Return the score of each epoch so far."""
        return [row["score"] for row in self.rows if "score" in row]


@dataclass(slots=True)
class Step:
    """A long step that is under way."""

    what: str
    done: int
    total: int
    began: float
    first: int

    def left(self, now: float) -> float | None:
        """Return the seconds it may still take, once that can be told."""
        moved, passed = self.done - self.first, now - self.began
        return (self.total - self.done) * passed / moved if moved > 0 and passed > 1 else None


@dataclass(slots=True)
class Scene:
    """The state of a search, in seconds of one clock; `began` is when the watching began."""

    began: float
    config: SearchConfig | None = None
    dataset: Dataset | None = None
    run: str = ""
    ended: bool = False
    resumed: int = 0
    records: dict[int, TrialRecord] = field(default_factory=dict)
    backbones: dict[str, events.BackboneResolved] = field(default_factory=dict)
    probes: dict[str, events.Probed] = field(default_factory=dict)
    running: dict[int, Running] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    notes: list[events.Note] = field(default_factory=list)

    @property
    def metric(self) -> str:
        """The metric that is searched for."""
        return self.config.metric if self.config else DEFAULT_METRIC

    @property
    def leaderboard(self) -> list[TrialRecord]:
        """The ended trials, best first."""
        return ranked(self.records.values(), self.metric)

    @property
    def best(self) -> TrialRecord | None:
        """The best complete trial so far."""
        return next((record for record in self.leaderboard if record.state == "complete"), None)

    @property
    def trained(self) -> int:
        """How many trials were trained; the others were probes."""
        return len(self.records) - self.probed

    @property
    def probed(self) -> int:
        """How many of the trials are probes."""
        return sum(record.probe for record in self.records.values())

    def tally(self, state: str) -> int:
        """Return how many trials ended in a state."""
        return sum(record.state == state for record in self.records.values())

    def left(self, now: float) -> float | None:
        """Return the seconds left of the time budget, if there is one."""
        if self.config is None or self.config.seconds is None:
            return None
        return max(0.0, self.config.seconds - (now - self.began))

    def fraction(self, now: float) -> float | None:
        """Return how much of the budget is spent, 0 to 1, by whichever limit is nearer."""
        if self.config is None:
            return None
        spent = []
        if self.config.seconds is not None:
            spent.append((now - self.began) / self.config.seconds)
        if self.config.trials is not None:
            spent.append(fresh(self.records.values()) / self.config.trials)
        return min(1.0, max(spent)) if spent else None

    def take(self, event: events.Event, now: float) -> None:
        """Add one event."""
        match event:
            case events.SearchBegan():
                self.config, self.dataset, self.run = event.config, event.dataset, event.run
                self.records.update({record.number: record for record in event.finished})
                self.resumed = len(event.finished)
                self.began = self.began if event.elapsed is None else now - event.elapsed
            case events.BackboneResolved():
                self.backbones[event.backbone] = event
            case events.Probed():
                self.probes[event.backbone] = event
            case events.Progress():
                self._step(event, now)
            case events.TrialBegan():
                self.running[event.number] = Running(event.number, event.candidate, now)
            case events.EpochEnded():
                if event.number in self.running:
                    self.running[event.number].rows.append(event.row)
            case events.TrialEnded():
                self.running.pop(event.record.number, None)
                self.records[event.record.number] = event.record
                if event.record.state == "failed":
                    self.notes.append(events.Note(f"trial {event.record.number} failed: {event.record.reason}", True))
            case events.Note():
                self.notes.append(event)
            case events.SearchEnded():
                self.ended = True
                self.running.clear()
                self.steps.clear()

    def _step(self, event: events.Progress, now: float) -> None:
        if event.done >= event.total:
            self.steps.pop(event.what, None)
        elif event.what in self.steps:
            self.steps[event.what].done, self.steps[event.what].total = event.done, event.total
        else:
            self.steps[event.what] = Step(event.what, event.done, event.total, now, event.done)
