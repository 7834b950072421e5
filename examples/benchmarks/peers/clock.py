"""What every peer of the race has in common: its arguments, its clock, and a line for each better model.

A peer is a process of its own, in an environment of its own. Its clock runs from the start of that process, so
imports count; it stands still only while the held-out pictures are read and scored, which no user would do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pictures import Labelled, read


class TimeIsUp(BaseException):  # not an Exception: tuners take those for a failed trial, and go on
    """The budget is spent; what was reached so far stands."""


class Clock:
    """Seconds since `began` (as `time.time()` tells), without those in which it stood still."""

    def __init__(self, began: float, budget: float) -> None:
        self.budget = budget
        self._began = began
        self._stood = 0.0

    def seconds(self) -> float:
        """Return the seconds used so far."""
        return time.time() - self._began - self._stood

    def left(self) -> float:
        """Return the seconds left of the budget, at least 0."""
        return max(self.budget - self.seconds(), 0.0)

    def check(self) -> None:
        """Raise TimeIsUp when nothing is left."""
        if not self.left():
            raise TimeIsUp

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let the clock stand still."""
        began = time.time()
        try:
            yield
        finally:
            self._stood += time.time() - began


class Race:
    """One peer's race: pictures, clock, and the best validation accuracy so far (ties go to the lower loss)."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.clock = Clock(options.began, options.budget)
        self.train: Labelled = read(options.data / "train", options.size)
        self.valid: Labelled = read(options.data / "valid", options.size)
        self._held_out: Labelled | None = None
        self._best = (-1.0, 0.0)

    def tell(self, valid: float, loss: float, model: Any) -> bool:
        """Return whether a model is the best so far; if it is, score it on the held-out pictures and write a line."""
        seconds = self.clock.seconds()
        if (valid, -loss) <= self._best or seconds > self.clock.budget:
            return False
        self._best = (valid, -loss)
        with self.clock.standing():
            test = self._score(model)
            self._write({"t": round(seconds, 2), "valid": round(float(valid), 5), "test": round(test, 5)})
        return True

    def note(self, text: str) -> None:
        """Say something that belongs under the table."""
        self._write({"note": text})

    def _write(self, line: dict[str, Any]) -> None:
        with self.options.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    def _score(self, model: Any) -> float:
        if self._held_out is None:
            self._held_out = read(self.options.held_out, self.options.size)
        said = model.predict(self._held_out.pixels.astype(np.float32), batch_size=32, verbose=0)
        guesses = said.argmax(axis=1) if said.shape[1] > 1 else said[:, 0] > 0.5
        return float(np.mean(guesses == self._held_out.labels))


def enter(description: str) -> Race:
    """Read the arguments that race.py gives to a peer, and the pictures."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with train and valid")
    parser.add_argument("--held-out", type=Path, required=True, help="pictures to score on, never to learn from")
    parser.add_argument("--journal", type=Path, required=True, help="file for a line whenever the best model improves")
    parser.add_argument("--scratch", type=Path, required=True, help="folder that may be filled")
    parser.add_argument("--budget", type=float, required=True, help="seconds, counted from --began")
    parser.add_argument("--began", type=float, default=time.time(), help="when this process was started")
    parser.add_argument("--backbones", nargs="+", required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    return Race(parser.parse_args())


def run(description: str, search: Callable[[Race], object]) -> None:
    """Enter the race and search until the time is up."""
    race = enter(description)
    try:
        search(race)
    except TimeIsUp:
        print("the time is up")


def watcher(race: Race, and_then: Callable[[int, dict[str, float], Any, bool], None] | None = None) -> Any:
    """Return a Keras callback that tells the race of each epoch, and ends the training when the time is up.

    `and_then(epoch, logs, model, improved)` is called after each epoch.
    """
    import keras

    class Watcher(keras.callbacks.Callback):
        """Tuners copy their callbacks for each trial; all copies belong to one race."""

        def __deepcopy__(self, memo: object) -> Watcher:
            return Watcher()

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            race.clock.check()

        def on_test_batch_end(self, batch: int, logs: object = None) -> None:
            race.clock.check()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            assert logs is not None
            improved = race.tell(logs["val_accuracy"], logs["val_loss"], self.model)
            if and_then is not None:
                and_then(epoch, logs, self.model, improved)
            race.clock.check()

    return Watcher()
