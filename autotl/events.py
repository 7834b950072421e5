"""What a search tells whoever watches it, one frozen value at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from autotl.candidate import Candidate, TrialRecord

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.data import Dataset
    from autotl.result import SearchResult


@dataclass(frozen=True, slots=True)
class SearchBegan:
    """The data were read and the search is about to begin; `finished` trials were found from an earlier run.

    `elapsed` is what the run has used of its time so far, in seconds, over all its sessions.
    """

    config: SearchConfig
    dataset: Dataset
    run: str
    finished: tuple[TrialRecord, ...] = ()
    elapsed: float | None = None


@dataclass(frozen=True, slots=True)
class BackboneResolved:
    """A backbone is ready (`problem` empty) or left out, with the reason and the way to get it."""

    backbone: str
    weights: str
    image_size: int
    layers: int
    parameters: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """How the frozen features of a backbone fared, or, in `problem`, why that is not known.

    `score` and `knn` (nearest neighbours) are cross-validated on the training pictures, `valid` is the score on the
    validation part, all in the metric of the search. `ms` are milliseconds per picture of a forward pass, `trial`
    is the number of the trial that the probe is, if it is one.
    """

    backbone: str
    score: float | None = None
    knn: float | None = None
    valid: float | None = None
    seconds: float = 0.0
    ms: float | None = None
    trial: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A long step moved on: `what` is a few words, `done` of `total` pictures."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TrialBegan:
    """A worker started a candidate, or goes on with trial `continues`, or repeats trial `repeats` with another seed."""

    number: int
    candidate: Candidate
    continues: int | None = None
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """One epoch of a trial ended; `row` is the new row of its history."""

    number: int
    epochs: int
    row: dict[str, float]


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial ended: complete, pruned or failed."""

    record: TrialRecord


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user should know; `warning` when it may change what they believe."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """All is done and written."""

    result: SearchResult


Event = SearchBegan | BackboneResolved | Probed | Progress | TrialBegan | EpochEnded | TrialEnded | Note | SearchEnded


class Watcher(Protocol):
    """Shows a search while it runs."""

    def __call__(self, event: Event) -> None:
        """Take one event; must return at once."""
        ...


def silent(event: Event) -> None:
    """Watch without a word: the default from Python."""
