"""What a server takes from strangers, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MB = 10**6


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken: `upload` bytes of one request, `megapixels` of one picture, `queue` requests at a time.

    A request holds at most `files` pictures and must have arrived within `seconds`.
    """

    upload: int = 16 * MB
    megapixels: float = 50.0
    queue: int = 64
    files: int = 64
    seconds: float = 60.0


class Refusal(Exception):  # noqa: N818  (nothing of ours went wrong)
    """A request is refused, with a status of HTTP and a sentence that says why."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Gate:
    """Lets in so many requests at a time, and refuses others before a byte of their pictures is read."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Take a place for as long as the block runs; raises Refusal when all are taken."""
        if self.inside >= self._room:
            raise Refusal(503, f"{self._room} requests are being answered already. Try again soon.", retry_after="1")
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
