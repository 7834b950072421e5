"""The long loop: views in turn, a cosine over the time or the epochs, and a note of where it stands every minute."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autotl.errors import TrialError
from autotl.pretrain.journal import Journal, Standing
from autotl.pretrain.learner import Learner, measure
from autotl.pretrain.settings import PretrainConfig
from autotl.pretrain.views import PLAIN, Views
from autotl.trained import get_values
from autotl.trial import rate

VIEW_SHARE = 0.35  # of the time that may go into computing views
NOTE_SECONDS = 30.0
FIRST_NOTE_SECONDS = 3.0
_FAMILIAR = 0.2  # of the time, at its end, without new views: steps count for more then
_FINISH = 0.02  # of the time, for measuring and writing


@dataclass(frozen=True)
class Told:
    """How far a run is: what it does, the share done, seconds used, and the last figures."""

    what: str
    share: float
    seconds: float
    steps: int = 0
    loss: float = math.nan
    held: dict[str, float] = field(default_factory=dict)


OnTold = Callable[[Told], object]


@dataclass
class Training:
    """One run: what it trains, on what, and where it stands."""

    config: PretrainConfig
    views: Views
    learner: Learner
    standing: Standing
    journal: Journal
    tell: OnTold
    began: float = field(default_factory=time.monotonic)
    _noted: float = field(default_factory=time.monotonic)
    _held: dict[str, float] = field(default_factory=dict)
    _loss: float = math.nan

    def __post_init__(self) -> None:
        self._before = self.standing.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds used, those of earlier starts included."""
        return self._before + time.monotonic() - self.began

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1: whichever budget is nearer to its end."""
        shares = [0.0]
        if self.config.seconds is not None:
            shares.append(self.elapsed / (self.config.seconds * (1 - _FINISH)))
        if self.config.epochs is not None:
            batches = max(self.views.size // self.config.batch_size, 1)
            shares.append((self.standing.epoch * batches + self.standing.batch) / (self.config.epochs * batches))
        return min(max(shares), 1.0)

    def run(self) -> dict[str, float]:
        """Train to the end of the budget; return how well held-out pictures are known then."""
        while self.share < 1.0:
            self._epoch()
        self._held = self._measured()
        self.say("done")
        return self._held

    def say(self, what: str) -> None:
        """Tell the watcher."""
        self.tell(Told(what, self.share, self.elapsed, self.standing.steps, self._loss, self._held))

    def note(self) -> None:
        """Write down where the run stands."""
        self.standing.elapsed = self.elapsed
        self.journal.write(self.standing, get_values(self.learner.variables))
        self._noted = time.monotonic()

    def _epoch(self) -> None:
        standing, losses = self.standing, []
        pixels, targets = self._view()
        for chosen, flip in self._batches(len(pixels)):
            if time.monotonic() - self._noted > (NOTE_SECONDS if standing.elapsed else FIRST_NOTE_SECONDS):
                self.note()
            seen, wanted = pixels[chosen], targets[chosen]
            if flip:
                seen, wanted = seen[:, :, ::-1], wanted[:, :, ::-1] if wanted.ndim > 2 else wanted
            loss = self.learner.step(seen, wanted, self.config.learning_rate * rate(self.share))
            if not math.isfinite(loss):
                raise TrialError(f"The loss became {loss} after {standing.steps} steps. Try a lower --learning-rate.")
            losses.append(loss)
            standing.batch += 1
            standing.steps += 1
            if standing.steps % 10 == 0:
                self._loss = float(np.mean(losses[-50:]))
                self.say("training")
            if self.share >= 1.0:
                break
        self._held = self._measured()
        mean = float(np.mean(losses)) if losses else math.nan
        standing.history.append({"epoch": standing.epoch, "seconds": self.elapsed, "loss": mean, **self._held})
        standing.epoch, standing.batch = standing.epoch + 1, 0

    def _batches(self, rows: int) -> Iterator[tuple[NDArray[np.int64], bool]]:
        """Yield the rows of each batch left in this epoch, in the order of the disk, and whether to flip them."""
        random = np.random.default_rng((self.config.seed, self.standing.epoch))
        order = random.permutation(rows)
        size = min(self.config.batch_size, rows)
        starts = range(0, rows - size + 1, size)
        flips = random.random(len(starts)) < 0.5
        for place in itertools.islice(range(len(starts)), self.standing.batch, None):
            yield np.sort(order[starts[place] : starts[place] + size]), bool(flips[place])

    def _view(self) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """Return the view of this epoch: computed now, or one that was used least."""
        standing = self.standing
        if not standing.batch or not standing.uses:  # else a run goes on in the middle of an epoch
            standing.view = self._next()
            standing.uses.extend([0] * (standing.view + 1 - len(standing.uses)))
            standing.uses[standing.view] += 1
        number, began = standing.view, time.monotonic()
        made = self.views.view(number, lambda done, total: self.say(f"view {number + 1}: {done} of {total}"))
        if standing.uses[number] == 1:
            standing.view_seconds += time.monotonic() - began
        return made

    def _next(self) -> int:
        """Return a new view where views have had less than their share of the time so far, else one used least."""
        uses = self.standing.uses
        if not uses or (len(uses) < self.config.views and self.config.seconds is None):
            return len(uses)
        cost = self.standing.view_seconds / len(uses)
        affordable = self.standing.view_seconds + cost <= VIEW_SHARE * self.elapsed
        if len(uses) < self.config.views and affordable and self.share < 1 - _FAMILIAR:
            return len(uses)
        return int(np.argmin(uses))

    def _measured(self) -> dict[str, float]:
        pixels, targets = self.views.view(PLAIN, lambda done, total: self.say("held-out pictures"))
        return measure(self.learner, pixels, targets, min(self.config.batch_size, 64))
