"""What a candidate will cost, in seconds: from the milliseconds of a forward pass, corrected by what trials took.

An epoch sends the training pictures forward and back through the unfrozen share of the backbone, and the validation
pictures forward; the frozen share runs once for each picture, and once for each further view of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from autotl.candidate import Anatomy, Candidate, TrialRecord

BACKWARD = 2.0  # a backward pass costs about two forward ones (Kaplan et al. 2020, 2001.08361, section 2.1)
_STEP = 0.01  # seconds of a batch besides the backbone: the head, reading, Python; measured on two cores
_TRACE, _TRACE_ALL = 1.0, 4.0  # seconds to trace a head, and the whole of a backbone; measured on MobileNetV2
_FINISH = 6.0  # seconds to rebuild, write and draw a winner; measured on MobileNetV2
_READ = 2.0  # how much dearer than a forward pass it is to read and resize a picture as well


@dataclass(frozen=True, slots=True)
class Pictures:
    """How many pictures there are to train on, to score by, and to score once at the end."""

    train: int
    valid: int
    test: int


@dataclass(frozen=True, slots=True)
class Took:
    """What a trial took, in seconds: an epoch, and all besides; `passes` are pictures sent through frozen layers."""

    candidate: Candidate
    setup: float
    epoch: float
    passes: float


@dataclass
class Costs:
    """Predicts seconds; `ms` are milliseconds of one picture's forward pass through each backbone, as far as known."""

    anatomies: Mapping[str, Anatomy]
    pictures: Pictures
    views: int
    idle: frozenset[str] = frozenset()
    ms: dict[str, float] = field(default_factory=dict)
    _took: list[Took] = field(default_factory=list)
    _rows: dict[int, int] = field(default_factory=dict)
    _drawn: dict[str, int] = field(default_factory=dict)

    def learn(self, record: TrialRecord) -> None:
        """Take up what a trial took; probes and trials without an epoch tell nothing but that features are there."""
        begun = self._rows.get(-1 if record.continues is None else record.continues, 0)
        candidate, history = record.candidate, record.history
        self._rows[record.number] = len(history)
        passes = self._passes(candidate, len(history))
        if record.probe or history:
            self._drawn[candidate.backbone] = 1
            look = self._look(candidate)
            self._drawn[look] = max(self._drawn.get(look, 1), len(history))
        rows = history[max(begun, _alone(candidate)) :]
        if rows and not record.probe:
            epoch = median(row["seconds"] for row in rows)
            setup = max(record.seconds - epoch * len(rows), 0.0)
            self._took.append(Took(candidate, setup, epoch, passes))

    def trial(self, candidate: Candidate, done: int = 0) -> float | None:
        """Return the seconds a candidate will take, `done` epochs of it behind it; None while nothing tells."""
        ms = self._ms(candidate.backbone)
        if ms is None:
            return None
        passes = self._passes(candidate, candidate.epochs)
        setup = self._setup(candidate, passes, ms) * self._ratio(candidate, self._setup_ratio)
        epoch = self._epoch(candidate, ms) * self._ratio(candidate, self._epoch_ratio)
        return setup + epoch * (candidate.epochs - max(done, _alone(candidate)))

    def finish(self, backbone: str) -> float | None:
        """Return the seconds to rebuild a winner, score it on validation and test pictures, and write it."""
        ms = self._ms(backbone)
        return None if ms is None else _FINISH + _READ * ms / 1000 * (self.pictures.valid + self.pictures.test)

    def _above(self, candidate: Candidate) -> float:
        """Return the share of a forward pass that lies in unfrozen layers."""
        anatomy = self.anatomies[candidate.backbone]
        if candidate.unfrozen_layers in anatomy.cuts and anatomy.work:
            return anatomy.work[anatomy.cuts.index(candidate.unfrozen_layers)]
        return candidate.unfrozen_layers / max(anatomy.layers, 1)

    def _epoch(self, candidate: Candidate, ms: float) -> float:
        train, valid = self.pictures.train, self.pictures.valid
        arithmetic = ms / 1000 * self._above(candidate) * ((1 + BACKWARD) * train + valid)
        return arithmetic + _STEP * self._steps(candidate)

    def _steps(self, candidate: Candidate) -> int:
        return math.ceil(self.pictures.train / candidate.number("batch_size"))

    def _setup(self, candidate: Candidate, passes: float, ms: float) -> float:
        return _TRACE + _TRACE_ALL * self._above(candidate) + ms / 1000 * passes

    def _passes(self, candidate: Candidate, epochs: int) -> float:
        """Return how many whole forward passes the features of some epochs need that are not there yet."""
        plain = 0 if candidate.backbone in self._drawn else self.pictures.train + self.pictures.valid
        views = 1 if candidate.augmentation in self.idle else min(self.views, max(epochs, 1))
        there = min(self._drawn.get(self._look(candidate), 1), views)
        return (1.0 - self._above(candidate)) * (plain + (views - there) * self.pictures.train)

    def _look(self, candidate: Candidate) -> str:
        """Return what the views of a candidate's pictures depend on."""
        values = sorted(candidate.of("augmentation", candidate.augmentation).items())
        return repr((candidate.backbone, candidate.unfrozen_layers, candidate.augmentation, values))

    def _ms(self, backbone: str) -> float | None:
        """Return the milliseconds of a forward pass: as measured, else as the trials tell."""
        if backbone in self.ms:
            return self.ms[backbone]
        told = [self._told(took) for took in self._took if took.candidate.backbone == backbone]
        known = [ms for ms in told if ms is not None]
        return median(known) if known else None

    def _told(self, took: Took) -> float | None:
        """Return the milliseconds of a forward pass that would explain what a trial took."""
        above, train, valid = self._above(took.candidate), self.pictures.train, self.pictures.valid
        if above > 0:
            rest = took.epoch - _STEP * self._steps(took.candidate)
            return 1000 * max(rest, 0.0) / (above * ((1 + BACKWARD) * train + valid))
        return 1000 * max(took.setup - _TRACE, 0.0) / took.passes if took.passes else None

    def _ratio(self, candidate: Candidate, ratio: Callable[[Took], float | None]) -> float:
        """Return by how much trials took longer than predicted: those of this depth, else of this backbone, else all.

        Frozen trials tell nothing of unfrozen ones, and the other way round.
        """
        alike = [took for took in self._took if _frozen(took.candidate) == _frozen(candidate)]
        same = [took for took in alike if took.candidate.backbone == candidate.backbone]
        deep = [took for took in same if took.candidate.unfrozen_layers == candidate.unfrozen_layers]
        for group in (deep, same, alike):
            ratios = [found for took in group if (found := ratio(took)) is not None]
            if ratios:
                return median(ratios)
        return 1.0

    def _setup_ratio(self, took: Took) -> float | None:
        ms = self._ms(took.candidate.backbone)
        return None if ms is None else took.setup / self._setup(took.candidate, took.passes, ms)

    def _epoch_ratio(self, took: Took) -> float | None:
        ms = self._ms(took.candidate.backbone)
        return None if ms is None else took.epoch / self._epoch(took.candidate, ms)


def _alone(candidate: Candidate) -> int:
    """Return how many epochs the head trains alone: the first of several, below unfrozen layers."""
    return int(candidate.unfrozen_layers > 0 and candidate.epochs > 1)


def _frozen(candidate: Candidate) -> bool:
    return candidate.unfrozen_layers == 0
