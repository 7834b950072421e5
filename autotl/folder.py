"""The run folder: where each file of a search lies, and how it is written.

config.toml      what was asked
dataset.json     classes, splits, findings, fingerprint
origin.json      command, versions, hashes of code and weights
footprints.json  size and latency of each backbone with a linear head
study.db         the Optuna study (SQLite)
probes.json      how the frozen features of each backbone fared
probes/NAME.npz  what each probe said of pictures that it was not fitted on
suspects.json    pictures that may be labelled wrongly
importances.json what share of the scores' spread each dimension explains
trials/N/        begun.json, trial.json, valid.npy; weights.npz while it may win, state.npz while it may go on
best/            model.keras, labels.json, metrics.json, predictions.csv, curves.png, model_card.md
best/gallery/    a few small pictures for the report, and what each is
report.html      all of it, for people
log.jsonl        one line per event
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from autotl.candidate import Begun, Footprint, TrialRecord, to_plain
from autotl.config import SearchConfig, fitting, from_toml
from autotl.errors import ConfigError, RunError
from autotl.events import Probed


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where each file of a run lies, and how it is written: whole, or not at all."""

    path: Path

    @property
    def config(self) -> Path:
        """What was asked."""
        return self.path / "config.toml"

    @property
    def dataset(self) -> Path:
        """Classes, splits and findings."""
        return self.path / "dataset.json"

    @property
    def origin(self) -> Path:
        """Command, versions, hashes of code and weights."""
        return self.path / "origin.json"

    @property
    def footprints(self) -> Path:
        """Size and latency of each backbone with a linear head."""
        return self.path / "footprints.json"

    @property
    def study(self) -> Path:
        """The Optuna study."""
        return self.path / "study.db"

    @property
    def probes(self) -> Path:
        """How the frozen features of each backbone fared."""
        return self.path / "probes.json"

    def opinions(self, backbone: str) -> Path:
        """Return where a probe keeps what it said of pictures that it was not fitted on."""
        return self.path / "probes" / f"{quote(backbone, safe='')}.npz"

    @property
    def suspects(self) -> Path:
        """Pictures that may be labelled wrongly."""
        return self.path / "suspects.json"

    @property
    def importances(self) -> Path:
        """What share of the scores' spread each dimension explains."""
        return self.path / "importances.json"

    @property
    def report(self) -> Path:
        """All there is to know, on one page."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """One line per event."""
        return self.path / "log.jsonl"

    @property
    def best(self) -> Path:
        """The folder of the winner."""
        return self.path / "best"

    @property
    def model(self) -> Path:
        """The winner: raw pixels in, probabilities out."""
        return self.best / "model.keras"

    @property
    def metrics(self) -> Path:
        """The winner's scores."""
        return self.best / "metrics.json"

    @property
    def predictions(self) -> Path:
        """What the winner says of the pictures that it was scored on."""
        return self.best / "predictions.csv"

    @property
    def gallery(self) -> Path:
        """A few of these pictures, small."""
        return self.best / "gallery"

    @property
    def card(self) -> Path:
        """What somebody should know who is given the model."""
        return self.best / "model_card.md"

    def trial(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.path / "trials" / str(number)

    def weights(self, number: int) -> Path:
        """Return where a trial keeps its best weights."""
        return self.trial(number) / "weights.npz"

    def state(self, number: int) -> Path:
        """Return where a trial keeps what it needs to go on."""
        return self.trial(number) / "state.npz"

    def valid(self, number: int) -> Path:
        """Return where a trial keeps its probabilities on the validation pictures: `(pictures, classes)` float32."""
        return self.trial(number) / "valid.npy"

    def begin(self, number: int, begun: Begun) -> None:
        """Note what a trial is that begins now, for the case that the search is killed meanwhile."""
        write_whole(self.trial(number) / "begun.json", json.dumps(to_plain(begun), indent=1))

    def begun(self) -> dict[int, Begun]:
        """Return what `begin` wrote of each trial that has not ended, by number; what it did not write is skipped."""
        found = {}
        for file in self.path.glob("trials/*/begun.json"):
            if file.with_name("trial.json").is_file():
                continue
            with contextlib.suppress(ValueError):
                found[int(file.parent.name)] = fitting(Begun, file.read_bytes())
        return dict(sorted(found.items()))

    def drop_state(self, number: int) -> None:
        """Delete what a trial needs to go on."""
        for file in self.trial(number).glob("state*.npz"):
            file.unlink(missing_ok=True)

    def forget(self, number: int) -> None:
        """Delete all that is known of a trial."""
        shutil.rmtree(self.trial(number), ignore_errors=True)

    def save_record(self, record: TrialRecord) -> None:
        """Write a trial's record."""
        write_whole(self.trial(record.number) / "trial.json", json.dumps(to_plain(record), indent=1))

    def save_probes(self, probes: Sequence[Probed]) -> None:
        """Write what is known of the backbones so far."""
        write_whole(self.probes, json.dumps([to_plain(probe) for probe in probes], indent=1))

    def probed(self) -> list[Probed]:
        """Return what `save_probes` wrote, nothing where no backbone was probed."""
        if not self.probes.is_file():
            return []
        try:
            return fitting(list[Probed], self.probes.read_bytes())
        except ValueError as error:
            raise RunError(f"{self.probes} is not as a search writes it: {error}. Delete it to go on.") from None

    def save_footprints(self, found: Mapping[str, Footprint]) -> None:
        """Write what each backbone takes, so that no later session judges it by another measurement."""
        write_whole(self.footprints, json.dumps({name: to_plain(each) for name, each in found.items()}, indent=1))

    def measured(self) -> dict[str, Footprint]:
        """Return what `save_footprints` wrote, nothing where no backbone was measured."""
        if not self.footprints.is_file():
            return {}
        try:
            return fitting(dict[str, Footprint], self.footprints.read_bytes())
        except ValueError as error:
            raise RunError(f"{self.footprints} is not as a search writes it: {error}. Delete it to go on.") from None

    def records(self) -> list[TrialRecord]:
        """Return the records of all ended trials, by number; one that was not written whole is skipped."""
        found = []
        for file in self.path.glob("trials/*/trial.json"):
            try:
                record = fitting(TrialRecord, file.read_bytes())
            except ValueError:
                continue
            if file.parent == self.trial(record.number):
                found.append(record)
        return sorted(found, key=lambda record: record.number)

    def is_finished(self, trials: int) -> bool:
        """Return whether the winner of so many ended trials has been written; a file that tells nothing is none."""
        try:
            told = json.loads(self.metrics.read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return False
        return isinstance(told, dict) and told.get("trials") == trials

    def read_config(self) -> SearchConfig:
        """Return what was asked."""
        try:
            return from_toml(self.config.read_text("utf-8"))
        except (ConfigError, UnicodeDecodeError, RecursionError) as error:
            raise RunError(f"{self.config} is not as a search writes it: {error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, sees the old one or the new one whole."""
    with writing_whole(path) as file:
        file.write(text)


@contextmanager
def writing_whole(path: Path, errors: str = "strict") -> Iterator[TextIO]:
    """Open a text file that is to be seen under its name once the block has ended well, and not before.

    `errors` says what is done with characters that UTF-8 cannot hold, as in `open`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors=errors, newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
