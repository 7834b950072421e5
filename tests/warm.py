"""Workers that need not import Keras: forked from a process that has, once for all tests of a session."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import connection, context
from pathlib import Path
from threading import Lock
from unittest import mock

from autotl.workers import process

ROOT = Path(__file__).parents[1]
IMPORTED = ["keras", "tensorflow", "autotl.workers.jobs"]
cold = process.spawn  # as users have it

_nursery = context.ForkServerContext()
_nursery.set_forkserver_preload(IMPORTED)
_read_by_imports: dict[str, str] = {}


class Warm:
    """A forked worker with what is asked of a Popen."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        mine, its = zip(socket.socketpair(), socket.socketpair(), strict=True)
        settings = {**os.environ, **environment}
        self._process = _nursery.Process(target=_serve, args=(*its, log.absolute(), settings, Path.cwd()), daemon=True)
        with mock.patch.dict(os.environ, environment), mock.patch.object(sys, "path", [str(ROOT), *sys.path]):
            self._process.start()
        self.stdin, self.stdout = mine[0].makefile("wb"), mine[1].makefile("rb")
        for end in (*mine, *its):
            end.close()
        self._lock = Lock()
        self.pid = self._process.pid

    def wait(self, timeout: float | None = None) -> int | None:
        if not connection.wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
        with self._lock:  # what it ended with can be read once
            self._process.join()
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()


def spawn(log: Path, environment: dict[str, str]) -> Warm | subprocess.Popen[bytes]:
    """Stand for `process.spawn`; where imports would have read other settings, the worker imports for itself."""
    asked = _for_imports({**os.environ, **environment})
    if not _read_by_imports:
        _read_by_imports.update(asked)
    return Warm(log, environment) if asked == _read_by_imports else cold(log, environment)


def _for_imports(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name.startswith(("KERAS_", "TF_"))}


def _serve(stdin: socket.socket, stdout: socket.socket, log: Path, settings: dict[str, str], place: Path) -> None:
    from autotl.workers import child

    os.setsid()
    os.chdir(place)
    os.environ.clear()
    os.environ.update(settings)
    with log.open("ab") as file:
        for number, end in enumerate((stdin, stdout, file)):
            os.dup2(end.fileno(), number)
    stdin.close()
    stdout.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    child.main()
