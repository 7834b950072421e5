"""The prober: has workers look at the frozen features of every backbone, cheapest first, before the first trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from autotl.candidate import Anatomy, Candidate, TrialRecord, to_plain
from autotl.events import Probed, Progress, TrialEnded, Watcher
from autotl.metrics import better
from autotl.workers import Lost, Pool

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.folder import RunFolder
    from autotl.interrupt import Interrupt
    from autotl.study import Study

SHARE = 0.25  # of the time budget
_GROWTH = 0.75  # of the cost with the parameters
_ALIKE = 4.0  # costs within about this factor are alike: the estimate is no better


@dataclass(frozen=True, slots=True)
class Probing:
    """A probe in a worker: of what, and the trial that it is, if it is one."""

    anatomy: Anatomy
    number: int | None = None
    candidate: Candidate | None = None
    again: bool = False


@dataclass
class Prober:
    """Probes the backbones of a search, once: what was found is kept in the run folder.

    `pictures` is how many are sent through a backbone.
    """

    pool: Pool
    study: Study
    folder: RunFolder
    config: SearchConfig
    pictures: int
    elapsed: Callable[[], float]
    tell: Watcher
    stop: Interrupt | None = None
    _running: dict[int, Probing] = field(default_factory=dict)
    _found: dict[str, Probed] = field(default_factory=dict)
    _costs: list[float] = field(default_factory=list)

    def probe(self, anatomies: Mapping[str, Anatomy]) -> list[Probed]:
        """Return what is known of each backbone; probes those that an earlier session did not.

        `anatomies` come in the order of published accuracy, as the line-up gives them.
        """
        ended = {None, *(record.number for record in self.folder.records())}  # a kill may come between the two
        self._found = {probed.backbone: probed for probed in self.folder.probed() if probed.trial in ended}
        for probed in self._found.values():
            self.tell(probed)
        new = [anatomy for name, anatomy in anatomies.items() if name not in self._found]
        waiting = cheapest_first(new)
        deadline = math.inf if self.config.seconds is None else self.elapsed() + SHARE * self.config.seconds
        while (waiting and not (self.stop and self.stop.asked)) or self._running:
            for place in self.pool.idle():
                anatomy = self._next(waiting, deadline)
                if anatomy is not None:
                    self._begin(place, anatomy)
            self._progress(len(new) - len(waiting) - len(self._running), len(new))
            for place, message in self.pool.listen(0.1):
                self._heard(place, message)
        self._progress(len(new), len(new))
        return list(self._found.values())

    def _next(self, waiting: list[Anatomy], deadline: float) -> Anatomy | None:
        """Take the next backbone that fits into the time, and tell of those that do not; the first one always does."""
        while waiting and not (self.stop and self.stop.asked):
            anatomy = waiting.pop(0)
            expected, left = self._expected(anatomy), deadline - self.elapsed()
            if expected <= left or not (self._found or self._running):
                return anatomy
            why = f"about {expected:.0f} s needed, {left:.0f} s left" if left > 0 else "no time left"
            self._keep(Probed(anatomy.backbone, problem=f"Not probed: {why} of the quarter that probes may take."))
        return None

    def _expected(self, anatomy: Anatomy) -> float:
        """Return the seconds that a probe will take, from the latest one and its cost; 0 while nothing tells."""
        known = [each for each in self._found.values() if each.ms is not None]
        if not known or not self._costs:
            return 0.0
        forward = [self.pictures * (each.ms or 0.0) / 1000 for each in known]
        besides = min(max(each.seconds - its, 0.0) for each, its in zip(known, forward, strict=True))
        return besides + forward[-1] * cost(anatomy) / self._costs[-1]

    def _begin(self, place: int, anatomy: Anatomy) -> None:
        number, candidate = self.study.begin_probe(anatomy.backbone) or (None, None)
        self._give(place, Probing(anatomy, number, candidate))

    def _give(self, place: int, probing: Probing) -> None:
        self._running[place] = probing
        anatomy, candidate = probing.anatomy, probing.candidate
        job = {"do": "probe", "number": probing.number, "candidate": None if candidate is None else to_plain(candidate)}
        self.pool.give(place, {**job, "backbone": anatomy.backbone, "image_size": anatomy.image_size})

    def _heard(self, place: int, message: dict[str, Any] | Lost) -> None:
        if isinstance(message, dict) and message["say"] == "progress":
            self.tell(Progress(message["what"], message["done"], message["total"]))
            return
        self.pool.free(place)
        probing = self._running.pop(place)
        if isinstance(message, Lost) and not probing.again:
            self._give(place, replace(probing, again=True))
        elif isinstance(message, Lost):
            self._failed(probing, f"{message.reason}.")
        elif message["say"] == "failed":
            self._failed(probing, message["reason"])
        else:
            self._ended(probing, message)

    def _failed(self, probing: Probing, reason: str) -> None:
        """Tell of it; the backbone stays in the search, and no record says that it or its head failed."""
        self._keep(Probed(probing.anatomy.backbone, problem=f"Probing it failed: {reason}"))
        self._dismiss(probing, reason)

    def _ended(self, probing: Probing, message: dict[str, Any]) -> None:
        metrics, seconds = message["metrics"], message["seconds"]
        valid, number = metrics[self.config.metric], probing.number if message["kept"] else None
        self._costs.append(cost(probing.anatomy))
        name, score, knn, ms = probing.anatomy.backbone, message["score"], message["knn"], message["ms"]
        self._keep(Probed(name, score, knn, valid, seconds, ms, number))
        if number is None:
            self._dismiss(probing, "the head is not made as a probe is")
        if number is not None and probing.candidate is not None:
            record = TrialRecord(
                number,
                "complete",
                probing.candidate,
                valid,
                metrics=metrics,
                seconds=seconds,
                probe=True,
                **asdict(probing.anatomy.footprint),
            )
            self.folder.save_record(record)
            self.study.tell(record)
            self.tell(TrialEnded(record))

    def _dismiss(self, probing: Probing, reason: str) -> None:
        if probing.number is not None and probing.candidate is not None:
            self.study.tell(TrialRecord(probing.number, "failed", probing.candidate, reason=reason, probe=True))

    def _keep(self, probed: Probed) -> None:
        self._found[probed.backbone] = probed
        self.folder.save_probes(list(self._found.values()))
        self.tell(probed)

    def _progress(self, done: int, total: int) -> None:
        if total:
            self.tell(Progress("Probing backbones", done, total))


def cost(anatomy: Anatomy) -> float:
    """Return about what a forward pass costs, in no unit, from what is known without one.

    It grows with the pixels, and slower than the parameters: on two cores ResNet50, with ten times the parameters of
    MobileNetV2, takes four times as long, and MobileNetV2 three times as long as its sixth.
    """
    return math.pow(max(anatomy.parameters, 1), _GROWTH) * anatomy.image_size**2


def cheapest_first(anatomies: Iterable[Anatomy]) -> list[Anatomy]:
    """Return backbones in the order of probing: by the magnitude of their cost, else in the order they have.

    A cost known from parameters and pixels alone is wrong by factors; so among backbones of about the same cost the
    one with the best published accuracy stays first, and is probed even if there is no time for the others.
    """
    return sorted(anatomies, key=lambda anatomy: round(math.log(cost(anatomy), _ALIKE)))


def best_first(probes: Iterable[Probed], backbones: Iterable[str], metric: str) -> list[str]:
    """Return backbones in the order of their cross-validated scores; those without one come last, in their order."""
    scores = {probe.backbone: probe.score for probe in probes if probe.score is not None}
    sign = -1.0 if better(1.0, 0.0, metric) else 1.0
    return sorted(backbones, key=lambda name: (name not in scores, sign * scores.get(name, 0.0)))


def to_try(probes: Sequence[Probed], backbones: Iterable[str], metric: str) -> list[str]:
    """Return backbones in the order of their first trials: the best probed, those not probed, then the others.

    A probe has told what the frozen features of a backbone are worth; of one that was not probed nothing is known.
    """
    probed = {probe.backbone for probe in probes if probe.score is not None}
    best, *others = best_first(probes, backbones, metric)
    return [best, *sorted(others, key=lambda name: name in probed)]
