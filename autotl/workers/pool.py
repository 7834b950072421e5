"""The local executor: keeps workers alive, watches their memory and their silence, hands jobs out."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

import psutil

from autotl.errors import RunError
from autotl.workers.process import Inbox, Message, Process

_LOOK_SECONDS = 0.2
_REPLACE_SHARE = 0.8
_STARTING_SECONDS = 180.0
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # off by default without AVX-512; with AVX2, MobileNetV2 takes half the time
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A job whose worker died: why, in a line; for want of `memory`, `killed` by who knows whom, or after `silence`."""

    reason: str
    memory: bool = False
    killed: bool = False
    silence: bool = False


class Pool:
    """`count` workers; a place keeps its number when its worker is replaced.

    `memory` is the limit of one worker in bytes, `silence` the seconds a busy one may say nothing.
    """

    def __init__(self, count: int, folder: Path, *, memory: int | None = None, silence: float = 1800.0) -> None:
        self.memory = memory or _fair_share(count)
        self.silence = silence
        self._folder = folder
        self._count = count
        self._inbox: Inbox = Queue()
        self._begin: Message | None = None
        self._busy: set[int] = set()
        self._verdicts: dict[int, Lost] = {}
        self._looked = time.monotonic()
        self._workers = {place: self._start(place) for place in range(count)}

    def begin(self, message: Message) -> None:
        """Send the first message to every worker, and to each that replaces one."""
        self._begin = message
        for worker in self._workers.values():
            worker.send(message)

    def idle(self) -> list[int]:
        """Return the places without a job."""
        return [place for place in self._workers if place not in self._busy]

    def give(self, place: int, job: Message) -> None:
        """Hand a job to an idle place."""
        self._busy.add(place)
        self._workers[place].send(job)

    def answer(self, place: int, go: bool) -> None:
        """Tell a worker that reported an epoch whether to go on."""
        self._workers[place].send({"go": go})

    def free(self, place: int) -> None:
        """Note that a place has ended its job; a worker that has grown too much is replaced now."""
        self._busy.discard(place)
        if self._workers[place].memory() > _REPLACE_SHARE * self.memory:
            old = self._workers[place]
            self._workers[place] = self._start(place)
            old.close()

    def listen(self, seconds: float) -> Iterator[tuple[int, Message | Lost]]:
        """Yield what workers say within some seconds; a Lost in place of the job of one that died.

        Raises RunError when a worker met what no other job would get round: a full disk, pictures that are gone.
        """
        end = time.monotonic() + seconds
        while True:
            self._look()
            wait = min(_LOOK_SECONDS, end - time.monotonic())
            try:
                worker, message = self._inbox.get(timeout=max(wait, 0.001))
            except Empty:
                if time.monotonic() >= end:
                    return
                continue
            yield from self._heard(worker, message)

    def close(self) -> None:
        """End all workers."""
        for place, worker in self._workers.items():
            if place in self._busy:
                worker.kill()
            worker.close()

    def _heard(self, worker: Process, message: Message) -> Iterator[tuple[int, Message | Lost]]:
        if self._workers[worker.place] is not worker:
            return  # the last words of one that was replaced
        if message["say"] == "ready":
            worker.ready = True
            return
        if message.get("kind") == "stop":
            raise RunError(message["reason"])
        if message["say"] != "gone":
            yield worker.place, message
            return
        verdict = self._verdicts.pop(worker.place, None) or _cause(message["code"])
        worker.close()
        self._workers[worker.place] = self._start(worker.place)
        if worker.place in self._busy:
            self._busy.discard(worker.place)
            yield worker.place, verdict

    def _look(self) -> None:
        """Kill workers over their memory, or silent for too long; `_heard` replaces them."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for place in self._busy:
            worker, used = self._workers[place], self._workers[place].memory()
            if used > self.memory:
                text = f"its worker used {used / 1e9:.1f} GB of memory, {self.memory / 1e9:.1f} GB are allowed"
                self._verdicts.setdefault(place, Lost(text, memory=True))
                worker.kill()
            elif time.monotonic() - worker.heard > (silence := self._allowed_silence(worker)):
                self._verdicts.setdefault(place, Lost(f"no sign of life for {silence:.0f} s", silence=True))
                worker.kill()

    def _allowed_silence(self, worker: Process) -> float:
        """A worker that still imports its libraries, on a busy machine, is not yet silent."""
        return self.silence if worker.ready else max(self.silence, _STARTING_SECONDS)

    def _start(self, place: int) -> Process:
        environment = {name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()}
        if gpus() > 1 and "CUDA_VISIBLE_DEVICES" not in os.environ:
            environment["CUDA_VISIBLE_DEVICES"] = str(place % gpus())
        worker = Process(place, self._folder / f"worker-{place}.log", self._inbox, environment)
        if self._begin is not None:
            worker.send(self._begin)
        return worker


def gpus() -> int:
    """Return the number of NVIDIA GPUs that workers may use, without importing a deep-learning library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))


def _cause(code: int) -> Lost:
    killed = {-9: "killed from outside", -6: "aborted"}.get(code)  # of want of memory, often
    if killed:
        return Lost(f"its worker was {killed} (signal {-code}), perhaps because memory ran out", killed=True)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return Lost(f"its worker ended by itself ({how})")


def _fair_share(count: int) -> int:
    """Return what one of `count` workers may use: 80% of the memory that is free now, shared."""
    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):  # inside a container the machine's memory is not ours
        free = min(free, int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8")))
    return int(0.8 * free / count)
