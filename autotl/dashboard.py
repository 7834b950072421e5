"""Optuna's dashboard on the study of a run: it reads and cannot write, so a search that is running goes on."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from socket import socket
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from autotl.database import explained, read_only
from autotl.errors import ConfigError, RunError
from autotl.folder import RunFolder
from autotl.listening import listen, url


def require() -> None:
    """Raise ConfigError unless the dashboard is installed."""
    if find_spec("optuna_dashboard") is None:
        raise ConfigError('For this, optuna-dashboard is needed: pip install "autotl[dashboard]".')


def show(run: Path, *, host: str, port: int, tell: Callable[[str], object] = lambda url: None) -> None:
    """Serve the dashboard of a run until SIGTERM or Ctrl-C; `tell` hears its URL. Raises AutotlError."""
    study = RunFolder(run.expanduser()).study
    if not study.is_file():
        raise RunError(f"There is no study in {run}. Name the run folder of a search; `autotl search DATA` makes one.")
    with closing(listen(host, port)) as listener, _Server(listener, _app(study)) as server:
        tell(url(listener))
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with suppress(KeyboardInterrupt), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what Optuna thinks of its own plots
                server.serve_forever()
        finally:
            signal.signal(signal.SIGTERM, before)


def _app(study: Path) -> Any:
    from optuna_dashboard import wsgi

    try:
        return wsgi(read_only(study))
    except Exception as error:
        if (words := explained(study, error)) is None:
            raise
        raise words from error


class _Quiet(WSGIRequestHandler):
    """Says nothing of who asks."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    """Answers on a socket that listens already, several browsers at a time."""

    daemon_threads = True

    def __init__(self, listener: socket, app: Any) -> None:
        super().__init__(listener.getsockname()[:2], _Quiet, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()[:2]
        self.setup_environ()
        self.set_app(app)
