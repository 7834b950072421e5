"""The log of a run: one line of JSON per event, and from it the time that a run has used so far."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from autotl.candidate import to_plain
from autotl.events import Event, Progress, SearchBegan, SearchEnded, Watcher


class RunLog:
    """Appends events to `log.jsonl`; `elapsed()` counts the seconds of this run and of those before it."""

    def __init__(self, path: Path, began: float) -> None:
        self._before = _elapsed_before(path)
        self._began = began
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # of a full disk there is no more to tell
            if error is not None:
                self._write({"event": "Stopped", "reason": f"{type(error).__name__}: {error}"})
            self._file.close()

    def elapsed(self) -> float:
        """Return the seconds spent on this run so far, over all its sessions."""
        return self._before + time.monotonic() - self._began

    def also(self, watcher: Watcher) -> Watcher:
        """Return a watcher that logs each event and then hands it on."""

        def tell(event: Event) -> None:
            if not isinstance(event, Progress):
                self._write({"event": type(event).__name__, **_plain(event)})
            watcher(event)

        return tell

    def _write(self, line: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"at": at, "elapsed": round(self.elapsed(), 3), **line}, default=str) + "\n")
        self._file.flush()


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log as plain data; what is torn, or no event, is skipped."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                yield event


def _plain(event: Event) -> dict[str, Any]:
    if isinstance(event, SearchBegan):  # the settings and the data have files of their own
        return {"run": event.run, "finished": len(event.finished), "pictures": len(event.dataset.pictures)}
    if isinstance(event, SearchEnded):
        return {"run": str(event.result.run)}
    return to_plain(event) if dataclasses.is_dataclass(event) else {}


def _elapsed_before(path: Path) -> float:
    if not path.is_file():
        return 0.0
    for line in reversed(path.read_text("utf-8", errors="replace").splitlines()):
        try:
            return float(json.loads(line)["elapsed"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            continue  # the last line of a killed run may be torn
    return 0.0
