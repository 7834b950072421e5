"""Ctrl-C: the first is a wish to finish with the best so far, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autotl.events import Note, Watcher


class Interrupt:
    """Whether the user has asked to stop; listens only inside `heeded`."""

    def __init__(self, tell: Watcher) -> None:
        self.asked = False
        self._tell = tell

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Take Ctrl-C as a wish; only the main thread of a program can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._take)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _take(self, number: int, frame: object) -> None:
        if self.asked:
            self._tell(Note("Stopped at once. The same command goes on where it was.", warning=True))
            raise KeyboardInterrupt
        self.asked = True
        self._tell(Note("Finishing with the best so far. Ctrl-C again stops at once.", warning=True))
