"""The SearchResult, read from a run folder: everything a search leaves behind, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotl.candidate import TrialRecord, ranked
from autotl.config import SearchConfig
from autotl.errors import RunError
from autotl.events import Probed
from autotl.folder import RunFolder
from autotl.shapes import read_dataset, read_metrics
from autotl.winner import winner

if TYPE_CHECKING:
    import keras

    from autotl.answers import Answers
    from autotl.data import Dataset
    from autotl.predict import Prediction, Predictions
    from autotl.suspects import Suspect


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
        return self.folder.read_config()

    @cached_property
    def dataset(self) -> Dataset:
        """The pictures of the search: classes, splits and findings."""
        return read_dataset(self.folder.dataset)

    @cached_property
    def records(self) -> list[TrialRecord]:
        """Every ended trial, by number."""
        return self.folder.records()

    @cached_property
    def probes(self) -> list[Probed]:
        """How the frozen features of each backbone fared, in the order of probing."""
        return self.folder.probed()

    @cached_property
    def suspects(self) -> list[Suspect]:
        """Pictures that may be labelled wrongly, the likeliest first, then the hardest to tell.

        Raises RunError when the search did not look for them.
        """
        from autotl.suspects import read

        return list(read(self.folder).found)

    @cached_property
    def answers(self) -> dict[str, Answers]:
        """What the winner said of the pictures that it was scored on, by split."""
        from autotl.answers import read

        return read(self.folder, self.dataset.classes)

    @property
    def leaderboard(self) -> list[TrialRecord]:
        """Every ended trial, best first, failed ones last."""
        return ranked(self.records, self.config.metric)

    @property
    def best(self) -> TrialRecord:
        """The trial that the best model is from, of an unfinished search the best so far.

        Not always the first of the leaderboard: a recipe wins by the mean of its runs. Raises RunError when no
        trial ended with a score.
        """
        if self.folder.metrics.is_file():
            for record in self.records:
                if record.number == self.metrics["trial"]:
                    return record
            raise RunError(f"The trial {self.metrics['trial']} that won is not in {self.run}. Is it a whole copy?")
        chosen = winner(self.records, self.config.metric)
        if chosen is None:
            raise RunError(f"No trial of {self.run} has finished yet. Run the same search again to go on.")
        return chosen.best

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores of the winner: `valid`, and `test` (None when no pictures were kept apart).

        Raises RunError when the search has not ended yet.
        """
        if not self.folder.metrics.is_file():
            raise RunError(f"{self.run} holds no finished search. Run the same search again to go on.")
        return read_metrics(self.folder.metrics)

    def model(self) -> keras.Model:
        """Return the best model: `(batch, height, width, 3)` pixels, 0 to 255, to class probabilities."""
        from autotl.predict import load_model

        return load_model(self.run).model

    def predict(
        self, paths: Sequence[str | Path], *, top: int | None = None, threshold: float = 0.0
    ) -> list[Prediction]:
        """Return a Prediction for each picture, in order; unreadable ones say so in `problem`."""
        return list(self.predictions(paths, top=top, threshold=threshold))

    def predictions(
        self, paths: Sequence[str | Path], *, top: int | None = None, threshold: float = 0.0
    ) -> Predictions:
        """Return what yields a Prediction for each picture, however many there are; none is made before its turn."""
        from autotl.predict import predictions

        return predictions(self.run, paths, top=top, threshold=threshold)

    def export(self, path: str | Path, *, format: str = "keras", plugins: Sequence[str | Path] = ()) -> Path:
        """Write the best model to `path` in a format of the catalogue, or of `plugins`; return what was written."""
        from autotl.export import export

        return export(self.run, Path(path), format=format, plugins=plugins)


def open_run(path: str | Path) -> SearchResult:
    """Return the result in a run folder; raises RunError when it is none."""
    folder = Path(path)
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder}. `autotl search DATA` makes one.")
    if not RunFolder(folder).config.is_file():
        raise RunError(f"{folder} is not a run folder: it has no config.toml. Name the folder of a search.")
    return SearchResult(folder)
