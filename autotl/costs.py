"""What a candidate will cost, in seconds: from the milliseconds of a forward pass, corrected by what trials took.

An epoch sends the training pictures forward and back through the unfrozen share of the backbone, and the validation
pictures forward. Before that, what is frozen runs once for each picture, and once for each further view of it, which
is drawn first; and a network is traced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from autotl.candidate import Anatomy, Candidate, TrialRecord

BACKWARD = 2.0  # a backward pass costs about two forward ones (Kaplan et al. 2020, 2001.08361, section 2.1)
# measured with MobileNetV2 on two cores, to begin with:
_STEP = 0.01  # seconds of a batch besides the backbone: the head, reading, Python
_TRACE, _TRACE_ALL = 1.0, 4.0  # seconds to trace a head, and the whole of a backbone
_DRAW = 5.0  # milliseconds to draw a view of a picture
_FINISH = 6.0  # seconds to rebuild, write and draw a winner, and to report
_READ = 2.0  # how much dearer than a forward pass it is to read and resize a picture as well


@dataclass(frozen=True, slots=True)
class Pictures:
    """How many pictures there are to train on, to score by, and to score once at the end."""

    train: int
    valid: int
    test: int


@dataclass(frozen=True, slots=True)
class Features:
    """What must be computed before a trial can read it: whole forward `passes` of a picture, and `views` drawn."""

    passes: float
    views: int


@dataclass(frozen=True, slots=True)
class Took:
    """What a trial took, in seconds: an epoch, where one was seen without drawing, and all besides.

    The `features` are among the latter.
    """

    candidate: Candidate
    features: Features
    setup: float
    epoch: float | None


@dataclass
class Costs:
    """Predicts seconds; `ms` are milliseconds of one picture's forward pass through each backbone, as far as known.

    `idle` are the augmentations that draw nothing, `views` how many of each picture the others draw at most.
    """

    anatomies: Mapping[str, Anatomy]
    pictures: Pictures
    views: int
    idle: frozenset[str] = frozenset()
    ms: dict[str, float] = field(default_factory=dict)
    _took: list[Took] = field(default_factory=list)
    _rows: dict[int, int] = field(default_factory=dict)
    _there: dict[str, int] = field(default_factory=dict)

    def learn(self, record: TrialRecord) -> None:
        """Take up what a trial took; of probes, and of trials without an epoch, only which features are there."""
        begun = self._rows.get(-1 if record.continues is None else record.continues, 0)
        candidate, history = record.candidate, record.history
        self._rows[record.number] = len(history)
        features = self._features(candidate, len(history))
        if record.probe or history:
            drawn = _drawn(candidate)
            # one pass yields what every cut reads; only a head that pools differently needs another
            self._there.update({_plain(candidate): 1, candidate.backbone: 1})
            self._there[drawn] = max(self._there.get(drawn, 1), len(history))
        count = len(history) - max(begun, _alone(candidate))
        if count > 0 and not record.probe:
            seen = _median(row["seconds"] for row in history[max(begun, _alone(candidate), self._drawing(candidate)) :])
            epoch = self._whole_epoch(candidate) if seen is None else seen
            if epoch is not None:
                self._took.append(Took(candidate, features, max(record.seconds - epoch * count, 0.0), seen))

    def trial(self, candidate: Candidate, done: int = 0) -> float | None:
        """Return the seconds a candidate will take, `done` epochs of it behind it; None while nothing tells."""
        ms, epoch = self._ms(candidate.backbone), self._whole_epoch(candidate)
        if ms is None or epoch is None:
            return None
        features = self._features(candidate, candidate.epochs)
        setup = self._trace(candidate) + ms / 1000 * features.passes + self._draw(candidate) / 1000 * features.views
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

    def _whole_epoch(self, candidate: Candidate) -> float | None:
        """Return the seconds of an epoch, None while nothing tells."""
        ms, longer = self._ms(candidate.backbone), self._like(candidate, self._took, self._longer)
        return None if ms is None else self._epoch(candidate, ms) * (1.0 if longer is None else longer)

    def _drawing(self, candidate: Candidate) -> int:
        """Return the last epoch that may have views to draw."""
        return 1 if candidate.augmentation in self.idle else min(self.views, candidate.epochs)

    def _epoch(self, candidate: Candidate, ms: float) -> float:
        train, valid = self.pictures.train, self.pictures.valid
        return self._steps(candidate) + ms / 1000 * self._above(candidate) * ((1 + BACKWARD) * train + valid)

    def _steps(self, candidate: Candidate) -> float:
        return _STEP * math.ceil(self.pictures.train / candidate.number("batch_size"))

    def _features(self, candidate: Candidate, epochs: int) -> Features:
        """Return what some epochs of a candidate read that is not there yet."""
        plain = 0 if _plain(candidate) in self._there else self.pictures.train + self.pictures.valid
        views = min(self._drawing(candidate), max(epochs, 1))
        missing = max(views - self._there.get(_drawn(candidate), 1), 0) * self.pictures.train
        return Features((1.0 - self._above(candidate)) * (plain + missing), missing)

    def _ms(self, backbone: str) -> float | None:
        """Return the milliseconds of a forward pass: as measured, else as the trials tell."""
        if backbone in self.ms:
            return self.ms[backbone]
        told = [self._told(took) for took in self._took if took.candidate.backbone == backbone]
        return _median(told)

    def _told(self, took: Took) -> float | None:
        """Return the milliseconds of a forward pass that would explain what a trial took."""
        above, train, valid = self._above(took.candidate), self.pictures.train, self.pictures.valid
        if above > 0:
            if took.epoch is None:
                return None
            rest = took.epoch - self._steps(took.candidate)
            return 1000 * max(rest, 0.0) / (above * ((1 + BACKWARD) * train + valid))
        passes = took.features.passes
        return 1000 * max(took.setup - _TRACE, 0.0) / passes if passes else None

    def _trace(self, candidate: Candidate) -> float:
        """Return the seconds before a trial's first epoch that are not for features."""
        none = [took for took in self._took if not took.features.passes]
        known = self._like(candidate, none, lambda took: took.setup)
        return _TRACE + _TRACE_ALL * self._above(candidate) if known is None else known

    def _draw(self, candidate: Candidate) -> float:
        """Return the milliseconds to draw a view of a picture."""

        def drawing(took: Took) -> float:
            forward = (self._ms(took.candidate.backbone) or 0.0) * took.features.passes
            return max(1000 * (took.setup - self._trace(took.candidate)) - forward, 0.0) / took.features.views

        drawn = [took for took in self._took if took.features.views]
        same = [took for took in drawn if took.candidate.augmentation == candidate.augmentation]
        known = _median(drawing(took) for took in same or drawn)
        return _DRAW if known is None else known

    def _longer(self, took: Took) -> float | None:
        """Return by what factor an epoch was longer than its pictures explain."""
        ms = self._ms(took.candidate.backbone)
        return None if ms is None or took.epoch is None else took.epoch / self._epoch(took.candidate, ms)

    def _like(self, candidate: Candidate, took: Iterable[Took], of: Callable[[Took], float | None]) -> float | None:
        """Return the median of something over trials of this depth, else of this backbone, else over all.

        Frozen trials tell nothing of unfrozen ones, and the other way round.
        """
        alike = [each for each in took if _frozen(each.candidate) == _frozen(candidate)]
        same = [each for each in alike if each.candidate.backbone == candidate.backbone]
        deep = [each for each in same if each.candidate.unfrozen_layers == candidate.unfrozen_layers]
        return next((known for group in (deep, same, alike) if (known := _median(map(of, group))) is not None), None)


def _median(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return median(known) if known else None


def _plain(candidate: Candidate) -> str:
    """Return what a candidate reads of plain pictures: kept as its head pools them, for frozen trials."""
    pooled = candidate.values.get(f"head.{candidate.head}.pooling", candidate.head)
    return f"{candidate.backbone} {pooled}" if _frozen(candidate) else candidate.backbone


def _drawn(candidate: Candidate) -> str:
    """Return what a candidate reads of drawn pictures."""
    values = sorted(candidate.of("augmentation", candidate.augmentation).items())
    return repr((_plain(candidate), candidate.unfrozen_layers, candidate.augmentation, values))


def _alone(candidate: Candidate) -> int:
    """Return how many epochs the head trains alone: the first of several, below unfrozen layers."""
    return int(candidate.unfrozen_layers > 0 and candidate.epochs > 1)


def _frozen(candidate: Candidate) -> bool:
    return candidate.unfrozen_layers == 0
