"""The run folder, and the SearchResult read from it: everything a search leaves behind.

config.toml      what was asked
dataset.json     classes, splits, findings, fingerprint
study.db         the Optuna study (SQLite)
trials/N/        trial.json, and weights.npz while the trial may still win
best/            model.keras, labels.json, metrics.json, predictions.csv, curves.png
log.jsonl        one line per event
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotl.candidate import TrialRecord, record_from, to_plain
from autotl.config import SearchConfig, from_toml
from autotl.errors import RunError
from autotl.metrics import better

if TYPE_CHECKING:
    import keras

    from autotl.data import Dataset
    from autotl.predict import Prediction


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
    def study(self) -> Path:
        """The Optuna study."""
        return self.path / "study.db"

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

    def trial(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.path / "trials" / str(number)

    def weights(self, number: int) -> Path:
        """Return where a trial keeps its best weights."""
        return self.trial(number) / "weights.npz"

    def save_record(self, record: TrialRecord) -> None:
        """Write a trial's record."""
        write_whole(self.trial(record.number) / "trial.json", json.dumps(to_plain(record), indent=1))

    def records(self) -> list[TrialRecord]:
        """Return the records of all ended trials, by number; one that was not written whole is skipped."""
        found = []
        for file in self.path.glob("trials/*/trial.json"):
            try:
                found.append(record_from(json.loads(file.read_text("utf-8"))))
            except (json.JSONDecodeError, KeyError, TypeError):
                continue
        return sorted(found, key=lambda record: record.number)


@dataclass(frozen=True)
class SearchResult:
    """What a search found, read from its run folder; needs neither keras nor the data, unless asked to predict."""

    run: Path

    @property
    def folder(self) -> RunFolder:
        """The run folder."""
        return RunFolder(self.run)

    @cached_property
    def config(self) -> SearchConfig:
        """What was asked."""
        return from_toml(self.folder.config.read_text("utf-8"))

    @cached_property
    def dataset(self) -> Dataset:
        """The pictures of the search: classes, splits and findings."""
        from autotl.data.dataset import dataset_from

        return dataset_from(json.loads(self.folder.dataset.read_text("utf-8")))

    @cached_property
    def records(self) -> list[TrialRecord]:
        """Every ended trial, by number."""
        return self.folder.records()

    @property
    def leaderboard(self) -> list[TrialRecord]:
        """Every ended trial, best first, failed ones last."""
        return ranked(self.records, self.config.metric)

    @property
    def best(self) -> TrialRecord:
        """The winning trial; raises RunError when no trial ended with a score."""
        scored = [record for record in self.leaderboard if record.state == "complete"]
        if not scored:
            raise RunError(f"No trial of {self.run} has finished yet. Run the same search again to go on.")
        return scored[0]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores of the winner: `valid`, and `test` (None when no pictures were kept apart).

        Raises RunError when the search has not ended yet.
        """
        if not self.folder.metrics.is_file():
            raise RunError(f"{self.run} holds no finished search. Run the same search again to go on.")
        metrics: dict[str, Any] = json.loads(self.folder.metrics.read_text("utf-8"))
        return metrics

    def model(self) -> keras.Model:
        """Return the best model: `(batch, height, width, 3)` pixels, 0 to 255, to class probabilities."""
        from autotl.predict import load_model

        return load_model(self.run).model

    def predict(self, paths: Sequence[str | Path], *, top: int | None = None) -> list[Prediction]:
        """Return a Prediction for each picture, in order; unreadable ones say so in `problem`."""
        from autotl.predict import predict

        return predict(self.run, paths, top=top)

    def export(self, path: str | Path, *, format: str = "keras") -> Path:
        """Write the best model to `path` in a format of the catalogue and return what was written."""
        from autotl.export import export

        return export(self.run, Path(path), format=format)


def open_run(path: str | Path) -> SearchResult:
    """Return the result in a run folder; raises RunError when it is none."""
    folder = Path(path)
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder}. `autotl search DATA` makes one.")
    if not RunFolder(folder).config.is_file():
        raise RunError(f"{folder} is not a run folder: it has no config.toml. Name the folder of a search.")
    return SearchResult(folder)


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, sees the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
