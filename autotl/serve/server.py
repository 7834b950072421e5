"""One process that serves one model, until it is told to stop; then it answers what it has begun."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket

import uvicorn
from fastapi import FastAPI

from autotl.data.problems import limit
from autotl.listening import listen, url
from autotl.predict import LoadedModel, load_model
from autotl.serve.app import About, make_app
from autotl.serve.batching import Batcher
from autotl.serve.limits import Limits

_GRACE = 30  # seconds for requests in flight
Told = Callable[[str, LoadedModel], object]


def run(
    source: Path, *, host: str, port: int, limits: Limits, batch: int, wait: float, tell: Told = lambda url, model: None
) -> None:
    """Serve a run's model or a saved one; `tell` hears the URL and the model once it answers.

    Ends after SIGTERM or Ctrl-C, when requests in flight are answered. Raises AutotlError when it cannot begin.
    """
    with closing(listen(host, port)) as listener:  # before the model is loaded: a port that is taken is told at once
        loaded = load_model(source)
        limit(limits.megapixels)
        with Batcher(loaded.probabilities, (*loaded.image_size, 3), largest=batch, wait=wait) as batcher:
            app = make_app(about(source, loaded, limits), batcher, limits)
            with _stopped_in_peace():
                Server(app, lambda: tell(url(listener), loaded)).run(sockets=[listener])


def about(source: Path, loaded: LoadedModel, limits: Limits) -> About:
    """Return what is told of a model: a run's bears the run's name, a file its own."""
    path = source.expanduser().resolve()
    return About(
        path.name if path.is_dir() else path.stem, loaded.classes, loaded.image_size, limits.upload, limits.files
    )


class Server(uvicorn.Server):
    """Says when it answers, and nothing of who asks."""

    def __init__(self, app: FastAPI, tell: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="off",
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._tell = tell

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._tell()


@contextmanager
def _stopped_in_peace() -> Iterator[None]:
    """Let the signals that have stopped the server do nothing more: uvicorn raises them again as it ends."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
