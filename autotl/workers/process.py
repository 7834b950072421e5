"""One worker process as the parent sees it: lines of JSON in and out, a log file for everything it prints."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Queue
from typing import Any

import psutil

Message = dict[str, Any]
Inbox = Queue[tuple["Process", Message]]


class Process:
    """A running worker; each of its messages lands in `inbox`, the last one being `{"say": "gone"}`."""

    def __init__(self, place: int, log: Path, inbox: Inbox, environment: dict[str, str]) -> None:
        self.place = place
        self.heard = time.monotonic()
        self.ready = False
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process = spawn(log, environment)
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    @property
    def id(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send a message; one that is gone already will say so in the inbox."""
        assert self._process.stdin is not None
        self.heard = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return

    def memory(self) -> int:
        """Return the bytes of memory in use by the worker and its children; files mapped into it do not count."""
        try:
            family = psutil.Process(self._process.pid)
            return sum(_own(member) for member in [family, *family.children(recursive=True)])
        except psutil.Error:
            return 0

    def kill(self) -> None:
        """End the worker at once, with its children."""
        try:
            for member in psutil.Process(self._process.pid).children(recursive=True):
                member.kill()
        except psutil.Error:
            pass
        self._process.kill()

    def close(self, patience: float = 5.0) -> None:
        """Let the worker end by itself, then make sure."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may be gone, with words for it still in the pipe
            self._process.stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _listen(self, inbox: Inbox) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.heard = time.monotonic()
                inbox.put((self, json.loads(line)))
        inbox.put((self, {"say": "gone", "code": self._process.wait()}))


def spawn(log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that serves jobs and writes whatever else it has to say to `log`."""
    with log.open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "autotl.workers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )


def _own(process: psutil.Process) -> int:
    used = process.memory_info()
    return int(used.rss - getattr(used, "shared", 0))  # pages of mapped features are given back when others need them
