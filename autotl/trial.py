"""Trains one candidate, in a worker: the head on frozen features, then unfrozen layers and head together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.config import METRICS
from autotl.errors import TimeUp, TrialError
from autotl.resampling import Marks
from autotl.trained import Trained, get_values, load_state, save_state, set_values
from autotl.transfer.rows import Rows, rows_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.transfer.workshop import Fit, Workshop

Report = Callable[[dict[str, float]], bool]
WARM_SHARE = 0.1
LAST_RATE = 0.01
ALONE_STEPS = 100  # of the head before layers are unfrozen; it takes a hundredth of what an epoch of those takes
PATIENCE = 0.5  # of the epochs: a falling rate often brings the best ones last
_IMBALANCE = 1.5


@dataclass(frozen=True)
class Phase:
    """The epochs from `first` to `last` with one compiled fit; each goes over the rows `passes` times."""

    fit: Fit
    rows: Rows
    first: int
    last: int
    passes: int
    size: int

    @property
    def steps(self) -> int:
        """The steps of one epoch."""
        return self.passes * (len(self.rows.labels) // self.size)

    def rate(self, epoch: int, done: int) -> float:
        """Return the share of the learning rate after `done` steps of an epoch."""
        return rate(((epoch - self.first) * self.steps + done) / (self.steps * (self.last - self.first + 1)))


class Trial:
    """One candidate in training: where it is, and what it has so far.

    With unfrozen layers, epoch 1 is the head's alone, on the frozen features of the plain pictures: a head that knows
    nothing yet would spoil pretrained layers (Kumar et al. 2022, arXiv 2202.10054).
    """

    def __init__(self, workshop: Workshop, candidate: Candidate, *, accumulate: int = 1) -> None:
        import keras

        self.workshop, self.candidate = workshop, candidate
        self.step = workshop.step(candidate, accumulate)
        self.trained = Trained(metric=workshop.config.metric)
        self.phases = self._phases()
        self._smoothing = candidate.number("label_smoothing", 0.0)
        labels = self.phases[0].rows.labels
        self._weights = class_weights(labels, len(workshop.dataset.classes), workshop.config.metric, candidate)
        keras.utils.set_random_seed(workshop.config.seed + candidate.seed)

    def train(self, report: Report, until: float = math.inf, keep: Path | None = None) -> Trained:
        """Train to the end, or until `report(row)` says no after an epoch, or until a moment of `time.monotonic()`.

        After each epoch the state is written to `keep`, before it is reported. Raises TrialError when the loss stops
        being a number, TimeUp when that comes before the end of the first epoch.
        """
        try:
            self._train(report, until, keep)
        finally:
            for phase in self.phases:
                phase.rows.view.rest()
        if not self.trained.history:
            raise TimeUp("The time was up before its first epoch had ended.")
        return self.leave()

    def leave(self) -> Trained:
        """Return what there is so far."""
        self.trained.stopped = len(self.trained.history) < self.candidate.epochs
        return self.trained

    def _train(self, report: Report, until: float, keep: Path | None) -> None:
        began = time.monotonic()
        done = len(self.trained.history)
        if done and self._settled(done):
            return  # it was stopped just then
        for epoch in range(done + 1, self.candidate.epochs + 1):
            phase = next(phase for phase in self.phases if epoch <= phase.last)
            row: dict[str, float] = {"epoch": epoch, **self._epoch(phase, epoch, until)}
            if time.monotonic() > until:
                break
            self._validate(phase, row)
            row["seconds"] = time.monotonic() - began
            began = time.monotonic()
            if keep is not None:
                save_state(keep, self.candidate.key(), self.trained, get_values(self.step.moving))
            if not report(row) or self._settled(epoch):
                break

    def spared(self) -> float:
        """Return how many forward passes through the backbone its epochs did not make for each picture they read.

        What lies below the features they read was computed once, before: the whole of it for frozen layers.
        """
        epochs = range(1, len(self.trained.history) + 1)
        reading = [next(phase for phase in self.phases if epoch <= phase.last).fit.tap for epoch in epochs]
        return sum(1.0 - tap.work for tap in reading)

    def prepare(self) -> None:
        """Have the features computed that its first epochs read."""
        for phase in self.phases:
            phase.rows.view(0)

    def resume(self, path: Path) -> bool:
        """Go on from the last state that was kept at `path`; return whether there is one that can be read."""
        values = load_state(path, self.candidate.key(), self.trained)
        if values is not None:
            set_values(self.step.moving, values)
        return values is not None

    def _phases(self) -> list[Phase]:
        step, candidate, epochs = self.step, self.candidate, self.candidate.epochs
        first = step.together is not None and epochs > 1
        phases = []
        if step.together is None or first:
            rows = rows_at(self.workshop, step.network, step.alone.tap, candidate, plain=first)
            size = min(int(candidate.number("batch_size")), len(rows.labels))
            passes = max(1, round(ALONE_STEPS * size / len(rows.labels))) if first else 1
            phases.append(Phase(step.alone, rows, 1, 1 if first else epochs, passes, size))
        if step.together is not None:
            rows = rows_at(self.workshop, step.network, step.together.tap, candidate)
            size = min(int(candidate.number("batch_size")), len(rows.labels))
            phases.append(Phase(step.together, rows, 2 if first else 1, epochs, 1, size))
        return phases

    def _epoch(self, phase: Phase, epoch: int, until: float) -> dict[str, float]:
        model, rows = phase.fit.trainee.model, phase.rows
        if epoch == phase.first:
            self._begin(phase)
        losses, hits = [], []
        for done, chosen in enumerate(rows.batches(epoch, phase.size, phase.passes)):
            model.optimizer.learning_rate = self.candidate.number("learning_rate") * phase.rate(epoch, done)
            labels = rows.labels[chosen]
            weights = None if self._weights is None else self._weights[labels]
            told = model.train_on_batch(
                rows.batch(chosen, epoch), self._targets(labels), sample_weight=weights, return_dict=True
            )
            losses.append(float(told["loss"]))
            hits.append(float(told["accuracy"]))
            if time.monotonic() > until:
                break
        last = len(rows.labels) // phase.size
        loss = float(np.mean(losses[-last:]))
        if not math.isfinite(loss):
            raise TrialError(f"The loss became {loss} in epoch {epoch}; a lower learning rate may help.")
        return {"loss": loss, "accuracy": float(np.mean(hits[-last:]))}

    def _begin(self, phase: Phase) -> None:
        optimizer, candidate = phase.fit.optimizer, self.candidate
        optimizer.slow_rate.assign(candidate.number("unfrozen_rate", 1.0))
        optimizer.decay.assign(candidate.number("weight_decay", 0.0))
        optimizer.average_rate.assign(1.0 - candidate.number("ema", 0.0))
        optimizer.begin_averages()

    def _targets(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return smoothed one-hot targets `(batch, classes)` (Szegedy et al. 2015, arXiv 1512.00567)."""
        classes = len(self.workshop.dataset.classes)
        targets = np.full((len(labels), classes), self._smoothing / classes, np.float32)
        targets[np.arange(len(labels)), labels] += 1.0 - self._smoothing
        return targets

    def _validate(self, phase: Phase, row: dict[str, float]) -> None:
        """Score an epoch, with the averaged weights where there are some, and keep the best."""
        model, features = phase.fit.trainee.model, self.workshop.features
        model.optimizer.exchange()
        logits = phase.rows.logits(model)
        if not np.isfinite(logits).all():
            raise TrialError("The network gives values that are not numbers; a lower learning rate may help.")
        probabilities = softmax(logits)
        marks = Marks.of(features.labels[phase.rows.valid], [probabilities])
        measured = {name: float(marks.scores(name, np.ones((1, len(probabilities))))[0, 0]) for name in METRICS}
        row["valid_loss"] = measured["log_loss"]
        row.update({f"valid_{name}": value for name, value in measured.items()})
        row["score"] = row["valid_" + self.trained.metric]
        if self.trained.take(row):
            self.trained.weights = get_values(self.step.variables)
            self.trained.probabilities = probabilities.astype(np.float32)
        model.optimizer.exchange()

    def _settled(self, epoch: int) -> bool:
        """Return whether neither the score nor the validation loss has improved for so long that it will not."""
        history = self.trained.history
        lowest = min(history, key=lambda row: row["valid_loss"])
        patience = self.candidate.number("patience", max(5, math.ceil(PATIENCE * self.candidate.epochs)))
        return epoch - max(self.trained.best_epoch, int(lowest["epoch"])) >= patience


def rate(progress: float) -> float:
    """Return the share of the learning rate at a place in the training, 0 to 1: a short ramp, then a cosine."""
    if progress < WARM_SHARE:
        return max(progress / WARM_SHARE, LAST_RATE)
    fallen = (progress - WARM_SHARE) / (1 - WARM_SHARE)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * fallen))


def class_weights(
    labels: NDArray[np.int64], classes: int, metric: str, candidate: Candidate
) -> NDArray[np.float32] | None:
    """Return what a picture of each class counts, 1 on average, or None where all count alike.

    By default only where the metric looks at each class by itself and classes differ in size by half or more.
    """
    counts = np.bincount(labels, minlength=classes)
    by_class = metric in ("balanced_accuracy", "macro_f1") and counts.max() >= _IMBALANCE * max(counts.min(), 1)
    if not {"on": True, "off": False}.get(str(candidate.values.get("class_weights", "auto")), by_class):
        return None
    weights = len(labels) / (classes * np.maximum(counts, 1))
    return np.asarray(weights, np.float32)


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities from logits, row by row."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
