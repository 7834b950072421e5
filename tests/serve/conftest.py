"""A server of a model without weights: how bright a picture is, as a share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from autotl.listening import listen, url
from autotl.serve.app import About, make_app
from autotl.serve.batching import Batcher
from autotl.serve.limits import Limits
from autotl.serve.server import Server

SIZE = (12, 16)


def brightness(pixels):
    """Return the shares of dark and bright, the second from 0 to 1."""
    bright = pixels.mean(axis=(1, 2, 3), dtype=np.float32) / 255
    return np.stack([1 - bright, bright], axis=1)


def picture(grey: int = 230, size: tuple[int, int] = (16, 12), kind: str = "PNG") -> bytes:
    """Return a file of one grey."""
    file = BytesIO()
    Image.new("RGB", size, (grey,) * 3).save(file, kind)
    return file.getvalue()


def sent(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """Return pictures as a client sends them: 0.png, 1.png and so on."""
    return [("files", (f"{place}.png", content)) for place, content in enumerate(contents)]


@contextmanager
def served(infer: Callable = brightness, classes: tuple[str, ...] = ("dark", "bright"), **limits) -> Iterator[str]:
    """Serve the model above for as long as the block runs, and give the URL."""
    taken = Limits(**limits)
    about = About("lamp", classes, SIZE, taken.upload, taken.files)
    begun = threading.Event()
    with listen("127.0.0.1", 0) as listener, Batcher(infer, (*SIZE, 3), wait=0) as batcher:
        place = url(listener)
        server = Server(make_app(about, batcher, taken), begun.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        assert begun.wait(30)
        try:
            yield place
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def client():
    """Return a function that starts a server and gives a client of it."""
    with ExitStack() as stack:

        def start(infer: Callable = brightness, **limits) -> httpx.Client:
            place = stack.enter_context(served(infer, **limits))
            return stack.enter_context(httpx.Client(base_url=place, trust_env=False))

        yield start


@pytest.fixture(scope="module")
def lamp() -> Iterator[httpx.Client]:
    """A client of a server for those who only ask."""
    with served() as place, httpx.Client(base_url=place, trust_env=False) as asking:
        yield asking
