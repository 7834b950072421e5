"""Where a pretraining stands, on disk: what lets it go on after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from autotl.errors import RunError
from autotl.folder import write_whole


@dataclass
class Standing:
    """How far a run has come: `epoch` and `batch` are the next ones, `elapsed` the seconds used by all its starts.

    `view` is the one that the epoch is on, `uses` has the epochs of each view there is, `view_seconds` is what
    computing them took; `history` has a row for each epoch.
    """

    settings: str
    sources: str
    elapsed: float = 0.0
    epoch: int = 0
    batch: int = 0
    steps: int = 0
    view: int = 0
    uses: list[int] = field(default_factory=list)
    view_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Journal:
    """The folder beside the backbone-to-be that holds the standing and the values of all that moves."""

    path: Path

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Keep a second command away; raises RunError."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.path / ".lock", timeout=0)
        try:
            with lock:
                yield
        except filelock.Timeout:
            raise RunError(f"Another command is writing to {self.path}. Wait for it, or choose another -o.") from None

    def read(self, settings: str, sources: str) -> tuple[Standing, list[NDArray[Any]] | None]:
        """Return where a run of these settings stands, and its values; raises RunError when it was another run."""
        if not self._standing.is_file() or not self._values.is_file():
            return Standing(settings, sources), None
        standing = Standing(**json.loads(self._standing.read_text("utf-8")))
        if (standing.settings, standing.sources) != (settings, sources):
            what = "settings" if standing.settings != settings else "pictures"
            raise RunError(
                f"{self.path} was begun with other {what}. Give those again, delete it, or choose another -o."
            )
        with np.load(self._values, allow_pickle=False) as file:
            kept = int(file["epoch"]), int(file["batch"])
            values = [file[name] for name in sorted(file.files) if name.startswith("x")]
        if kept != (standing.epoch, standing.batch):  # killed between the two: the values are the newer ones
            standing.epoch, standing.batch = kept
        return standing, values

    def write(self, standing: Standing, values: list[NDArray[Any]]) -> None:
        """Write where the run stands, each file whole or not at all."""
        part = self.path / "values.part.npz"
        arrays = {f"x{place:05d}": value for place, value in enumerate(values)}
        np.savez(part, epoch=standing.epoch, batch=standing.batch, **arrays)  # type: ignore[arg-type]
        part.replace(self._values)
        write_whole(self._standing, json.dumps(asdict(standing), indent=1))

    def remove(self) -> None:
        """Delete it: the run has ended."""
        for file in (self._standing, self._values, self.path / ".lock"):
            file.unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    @property
    def _standing(self) -> Path:
        return self.path / "standing.json"

    @property
    def _values(self) -> Path:
        return self.path / "values.npz"
