"""Pictures that may be labelled wrongly, and those that are hardest to tell: what a probe says against their label.

Only pictures that the judging layer was not fitted on count, and the test part is never looked at. Nothing is changed:
a person decides.
"""

from __future__ import annotations

import json
import shlex
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from autotl.data.listing import relative
from autotl.errors import RunError, TrialError
from autotl.events import Note, Watcher
from autotl.folder import RunFolder, write_whole
from autotl.printable import printable
from autotl.workers import Pool, ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.data import Dataset

LEAST = 5  # pictures of a class below which nothing is said of it
HARDEST = 20  # pictures told of besides the suspects
_FILTER, _RANK = "both", "normalized_margin"  # the fewest false alarms on three sets as they were published


@dataclass(frozen=True, slots=True)
class Suspect:
    """A picture whose label and probe do not agree: `kind` is "hard" where the probe is not sure enough to doubt it.

    `looks_like` is the class the probe takes it for; `sure` and `agrees` are its probabilities of that class and of
    the label. `file` is relative to the data where it can be.
    """

    file: str
    label: str
    looks_like: str
    sure: float
    agrees: float
    split: str
    kind: Literal["suspect", "hard"]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the probe of a backbone makes of the labels of `pictures` pictures: suspects first, the surest in front."""

    backbone: str
    pictures: int
    found: tuple[Suspect, ...]

    @property
    def suspects(self) -> list[Suspect]:
        """Those that may be labelled wrongly."""
        return [each for each in self.found if each.kind == "suspect"]


def doubts(dataset: Dataset, backbone: str, places: NDArray[Any], said: NDArray[Any]) -> Doubts:
    """Return what to doubt: `said` are probabilities `(rows, classes)` of the pictures of the data set at `places`.

    Suspects are found by confident learning: https://arxiv.org/abs/1911.00068. Classes of fewer than five pictures
    are left out.
    """
    labels = np.array([dataset.pictures[place].label for place in places], np.int64)
    kept = np.flatnonzero(np.bincount(labels, minlength=len(dataset.classes)) >= LEAST)
    rows = np.flatnonzero(np.isin(labels, kept) & (said[:, kept].sum(axis=1) > 0))
    if len(kept) < 2 or not len(rows):
        return Doubts(backbone, 0, ())
    shares = said[np.ix_(rows, kept)].astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    given = np.searchsorted(kept, labels[rows])
    wrong = _issues(given, shares)
    agrees = shares[np.arange(len(rows)), given]
    guesses = shares.argmax(axis=1)
    hard = [row for row in np.argsort(agrees, kind="stable") if row not in set(wrong) and guesses[row] != given[row]]

    root = Path(dataset.root).parent if Path(dataset.root).is_file() else Path(dataset.root)

    def told(row: int, kind: Literal["suspect", "hard"]) -> Suspect:
        picture = dataset.pictures[places[rows[row]]]
        label, guess = dataset.classes[picture.label], dataset.classes[kept[guesses[row]]]
        sure = float(shares[row, guesses[row]])
        file = relative(Path(picture.path), root)
        return Suspect(file, label, guess, round(sure, 4), round(float(agrees[row]), 4), picture.split, kind)

    found = [*(told(row, "suspect") for row in wrong), *(told(row, "hard") for row in hard[:HARDEST])]
    return Doubts(backbone, len(rows), tuple(found))


def look(pool: Pool, folder: RunFolder, backbone: str, tell: Watcher) -> None:
    """Have a worker doubt the labels by the probe of a backbone, once, and tell of what it found."""
    if not folder.opinions(backbone).is_file() or (folder.suspects.is_file() and read(folder).backbone == backbone):
        return
    try:
        ask(pool, {"do": "suspects", "backbone": backbone}, tell)
    except TrialError as error:
        tell(Note(f"The labels were not looked at: {error}"))
        return
    found = read(folder)
    if found.suspects:
        tell(Note(_in_words(found, folder)))


def save(folder: RunFolder, found: Doubts) -> None:
    """Write what was found to the run folder."""
    write_whole(folder.suspects, json.dumps(asdict(found), indent=1))


def read(folder: RunFolder) -> Doubts:
    """Return what `save` wrote; raises RunError where nothing was."""
    if not folder.suspects.is_file():
        raise RunError(
            f"The labels of {folder.path} were not looked at: a search does so after its probes, which --no-probe "
            "leaves out."
        )
    try:
        plain = json.loads(folder.suspects.read_text("utf-8"))
        found = tuple(_suspect(each) for each in plain["found"])
        return Doubts(str(plain["backbone"]), int(plain["pictures"]), found)
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder.suspects} cannot be read: {error}. Delete it, and the search writes it anew."
        ) from None


def _issues(labels: NDArray[Any], shares: NDArray[Any]) -> list[int]:
    """Return the rows whose labels are likely wrong, the likeliest first."""
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that nothing is taken for
        found = find_label_issues(labels, shares, filter_by=_FILTER, return_indices_ranked_by=_RANK, n_jobs=1)
    return [int(row) for row in found if shares[row].argmax() != labels[row]]


def _in_words(found: Doubts, folder: RunFolder) -> str:
    first, count = found.suspects[0], len(found.suspects)
    labels = f"labelled {printable(first.label)!r} and looks like {printable(first.looks_like)!r}"
    many = f"{count} of {found.pictures} pictures"
    run = shlex.quote(str(folder.path))
    return f"{many} may be labelled wrongly: {printable(first.file)} is {labels}. See them: autotl suspects {run}"


def _suspect(plain: dict[str, Any]) -> Suspect:
    words = {name: str(plain[name]) for name in ("file", "label", "looks_like", "split")}
    kind: Literal["suspect", "hard"] = "suspect" if plain["kind"] == "suspect" else "hard"
    return Suspect(**words, sure=float(plain["sure"]), agrees=float(plain["agrees"]), kind=kind)
