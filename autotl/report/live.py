"""A search on the screen while it runs: data, budget, the trial in training, the leaderboard so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live

from autotl import events
from autotl.report import panels
from autotl.report.glyphs import glyphs
from autotl.report.lines import Brush, remarks
from autotl.report.scene import Scene

REFRESH = 4  # times a second; the workers need the processor more than the view does


class LiveView:
    """Draws the search in place, never taller than the screen, and wipes itself away at the end."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._scene = Scene(began=clock())
        self._glyphs = glyphs(console)
        self._lock = RLock()  # events come from the search, drawing from the refresh thread
        self._live = Live(console=console, get_renderable=self.draw, transient=True, refresh_per_second=REFRESH)

    def __enter__(self) -> Self:
        return self  # the screen is taken at the first event: an error before it needs no picture

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        for line in remarks(self._scene):
            self._console.print(line)
        self._scene.notes.clear()

    def __call__(self, event: events.Event) -> None:
        """Take one event; what changed is seen at the next refresh."""
        with self._lock:
            self._scene.take(event, self._clock())
        if isinstance(event, events.SearchEnded):
            self._live.stop()
        elif not self._live.is_started:
            self._live.start(refresh=True)

    def draw(self) -> RenderableType:
        """Return the screen as it should look now."""
        width, height = self._console.size
        brush = Brush(now=self._clock(), width=width, glyphs=self._glyphs)
        with self._lock:
            return Group(*panels.arrange(panels.pieces(self._scene, brush), height - 1))
