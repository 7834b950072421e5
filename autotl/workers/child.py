"""The worker process itself: reads jobs from its standard input, answers on what was its standard output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autotl.errors import AutotlError, TimeUp
from autotl.faults import outage

Tell = Callable[[dict[str, Any]], None]
_LOOK_SECONDS = 0.2


def main() -> None:
    """Serve jobs until the parent closes the pipe."""
    tell = _take_stdout()
    _end_with_parent()
    jobs = _lines()
    import keras  # noqa: F401  (seven seconds, while the parent still reads the data)

    first = next(jobs, None)
    if first is None:
        return
    bench = _bench(first, tell)
    tell({"say": "ready"})
    for job in jobs:
        try:
            tell(_do(bench, job, jobs, tell))
        except Exception as error:  # a trial that fails is the parent's to record
            stop = outage(error, first["run"])
            tell({"say": "failed", "kind": "stop" if stop else _kind(error), "reason": stop or _one_line(error)})
            with contextlib.suppress(OSError):  # the log may be on a full disk
                traceback.print_exc()


def _do(bench: Any, job: dict[str, Any], jobs: Iterator[dict[str, Any]], tell: Tell) -> dict[str, Any]:
    from autotl.workers import jobs as work

    if job["do"] == "anatomy":
        return work.anatomy(bench, job)
    if job["do"] == "probe":
        return work.probe(bench, job)
    if job["do"] == "suspects":
        return work.suspects(bench, job)
    if job["do"] == "finish":
        return work.finish(bench, job)

    def go_on() -> bool:
        answer = next(jobs, None)
        if answer is None:
            os._exit(1)  # the parent is gone, and another may be at work in this folder already
        return bool(answer["go"])

    return work.trial(bench, job, tell, go_on)


def _bench(first: dict[str, Any], tell: Tell) -> Any:
    from autotl.workers.jobs import open_bench

    def on_progress(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - on_progress.told > 0.1:  # type: ignore[attr-defined]
            on_progress.told = now  # type: ignore[attr-defined]
            tell({"say": "progress", "what": what, "done": done, "total": total})

    on_progress.told = 0.0  # type: ignore[attr-defined]
    return open_bench(Path(first["run"]), on_progress)


def _take_stdout() -> Tell:
    """Keep standard output for messages; whatever a plugin prints goes to the log instead."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def tell(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")

    return tell


def _lines() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _end_with_parent() -> None:
    """End when the parent is gone, even in the middle of an epoch."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _kind(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, TimeUp):
        return "late"
    if isinstance(error, MemoryError) or "ResourceExhausted" in name or "out of memory" in str(error).lower():
        return "memory"
    return "error"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:1000]
    return text if isinstance(error, AutotlError) else f"{type(error).__name__}: {text}"


if __name__ == "__main__":
    main()
