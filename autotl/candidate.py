"""A candidate, the record of its trial, and what a backbone was found to be: plain data that crosses processes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from autotl.metrics import better
from autotl.space import Value

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice of everything that varies.

    `unfrozen_layers` counts Keras layers of the backbone from the top and always lies on a cut point.
    `values` holds the dimensions of the parts under their study names (`head.dense.units`) and those of the
    training under bare names (`learning_rate`). `seed` is added to that of the search: 0 but for repetitions.
    """

    backbone: str
    head: str
    augmentation: str
    image_size: int
    unfrozen_layers: int
    epochs: int
    values: Mapping[str, Value] = field(default_factory=dict)
    seed: int = 0

    def of(self, kind: str, part: str) -> dict[str, Value]:
        """Return the keywords of one part's `build`."""
        prefix = f"{kind}.{part}."
        return {name[len(prefix) :]: value for name, value in self.values.items() if name.startswith(prefix)}

    def number(self, name: str, default: float | None = None) -> float:
        """Return a dimension of the training as a number, `default` where it has none."""
        return float(self.values[name] if default is None else self.values.get(name, default))

    def key(self) -> str:
        """Return a short hash: equal for equal candidates."""
        return sha256(json.dumps(to_plain(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a whole network takes, head included: MB (10^6 bytes) of float32 parameters, milliseconds for one picture.

    None is what is not known.
    """

    size_mb: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a worker found when it built a backbone: its cuts, size and the identity of its weights.

    `cuts` lists every possible `unfrozen_layers`, ascending, 0 first; `offered` those the search draws from;
    `work` the share of a forward pass's multiplications that lies above each of `cuts`, from 0 to 1. `footprint` is
    that of the backbone with a linear head.
    """

    backbone: str
    image_size: int
    layers: int
    parameters: int
    feature_shape: tuple[int, ...]
    cuts: tuple[int, ...]
    offered: tuple[int, ...]
    weights: str
    weights_digest: str
    work: tuple[float, ...] = ()
    footprint: Footprint = Footprint()


@dataclass(frozen=True, slots=True)
class Begun:
    """A trial under way: what must be known to go on with it in another process.

    `accumulate` are the batches of one step, `spared` says that no rung may pause it, `tries` counts its workers.
    """

    candidate: Candidate
    accumulate: int = 1
    spared: bool = False
    continues: int | None = None
    repeats: int | None = None
    tries: int = 1


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """How a trial went: `score` is the best epoch's value of the metric, larger is better only if it says so.

    `history` has one row per epoch: epoch, loss, accuracy, valid_loss, valid_accuracy, score, seconds.
    `probe` marks a closed look at frozen features, not trained by epochs; `continues` is the number of the paused
    trial that this one went on from, `repeats` of the one whose recipe it repeats with another seed. `over` tells
    that its network breaks a limit of the search, named in `reason`, so that it was not trained. `spared` are the
    forward passes of each picture that its epochs did not make, since they read features.
    """

    number: int
    state: State
    candidate: Candidate
    score: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    history: tuple[Mapping[str, float], ...] = ()
    probe: bool = False
    continues: int | None = None
    repeats: int | None = None
    size_mb: float | None = None
    latency_ms: float | None = None
    over: bool = False
    spared: float | None = None

    @property
    def footprint(self) -> Footprint:
        """What its whole network takes."""
        return Footprint(self.size_mb, self.latency_ms)


def to_plain(thing: Any) -> dict[str, Any]:
    """Return a dataclass as plain JSON data."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(thing)))
    return plain


def candidate_from(plain: Mapping[str, Any]) -> Candidate:
    """Return the candidate that `to_plain` wrote."""
    return Candidate(**plain)


def anatomy_from(plain: Mapping[str, Any]) -> Anatomy:
    """Return the anatomy that `to_plain` wrote."""
    fields = dict(plain)
    for name in ("feature_shape", "cuts", "offered", "work"):
        fields[name] = tuple(fields.get(name, ()))
    fields["footprint"] = Footprint(**fields.get("footprint", {}))
    return Anatomy(**fields)


def ranked(records: Iterable[TrialRecord], metric: str) -> list[TrialRecord]:
    """Return records best first: complete ones, then pruned, then failed.

    Ties go to the lower log loss on validation, then to the earlier trial.
    """
    order = {"complete": 0, "pruned": 1, "failed": 2}
    sign = -1.0 if better(1.0, 0.0, metric) else 1.0

    def place(record: TrialRecord) -> tuple[int, float, float, int]:
        score = float("inf") if record.score is None else sign * record.score
        return order[record.state], score, record.metrics.get("log_loss", float("inf")), record.number

    return sorted(records, key=place)
