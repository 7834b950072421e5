"""Trains one candidate, in a worker: epochs over cached features, best weights kept, one report per epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.errors import TrialError
from autotl.metrics import better, scores
from autotl.transfer.features import BATCH, augment, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.transfer.features import Policy
    from autotl.transfer.network import Trainee
    from autotl.transfer.workshop import Step, Workshop

Report = Callable[[dict[str, float]], bool]
WARM_SHARE = 0.1
LAST_RATE = 0.01


@dataclass
class Trained:
    """What a trial leaves: one row per epoch, and the best epoch's weights, scores and place."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    score: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)
    weights: list[NDArray[Any]] = field(default_factory=list)
    stopped: bool = False


@dataclass(frozen=True)
class Rows:
    """The training rows a step reads: `view(0)` are the plain pictures at the cached cut, `view(1)` and up drawn ones.

    A view is computed when its epoch comes, so a trial that is pruned early never pays for the others.
    """

    view: Callable[[int], NDArray[Any]]
    views: int
    places: NDArray[np.int64]
    labels: NDArray[np.int64]
    seed: int

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> NDArray[Any]:
        """Return some training rows; epochs take turns with the views, the plain one first."""
        turn = (epoch - 1) % self.views
        return np.asarray(self.view(turn)[chosen if turn else self.places[chosen]])

    def batches(self, epoch: int, size: int) -> Iterator[NDArray[np.int64]]:
        """Return the shuffled training rows of an epoch in full batches: one shape, one trace.

        What is left over differs from epoch to epoch, so every picture gets its turn.
        """
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.places))
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]


def train(workshop: Workshop, candidate: Candidate, report: Report, *, accumulate: int = 1) -> Trained:
    """Train a candidate and return what it left; `report(row)` is asked after each epoch whether to go on.

    Raises TrialError when the loss stops being a number.
    """
    import keras

    step = workshop.step(candidate, accumulate)
    policy = workshop.policy(candidate)
    rows = _rows(workshop, step, policy, candidate.epochs)
    live = policy.layer(0) if policy is not None and rows.views == 1 else None
    keras.utils.set_random_seed(workshop.config.seed)
    trained = Trained()
    for epoch in range(1, candidate.epochs + 1):
        began = time.monotonic()
        row: dict[str, float] = {"epoch": epoch, **_train_epoch(step, rows, candidate, epoch, live)}
        row.update(_validate(workshop, step, rows))
        row["score"] = row["valid_" + workshop.config.metric]
        row["seconds"] = time.monotonic() - began
        _keep(trained, row, step.trainee, workshop.config.metric)
        if not report(row):
            trained.stopped = epoch < candidate.epochs
            break
    return trained


def save_weights(path: Path, weights: list[NDArray[Any]]) -> None:
    """Write weights whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **{f"w{i:05d}": weight for i, weight in enumerate(weights)})  # type: ignore[arg-type]
    temporary.replace(path)


def load_weights(path: Path) -> list[NDArray[Any]]:
    """Return the weights that `save_weights` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in sorted(file.files)]


def get_values(trainee: Trainee) -> list[NDArray[Any]]:
    """Return the weights that a trial trains: unfrozen layers, then the head."""
    unfrozen = [] if trainee.unfrozen is None else trainee.unfrozen.get_weights()
    return [np.array(weight) for weight in [*unfrozen, *trainee.head.get_weights()]]


def set_values(trainee: Trainee, weights: list[NDArray[Any]]) -> None:
    """Set the weights that `get_values` returned."""
    count = 0 if trainee.unfrozen is None else len(trainee.unfrozen.weights)
    if trainee.unfrozen is not None:
        trainee.unfrozen.set_weights(weights[:count])
    trainee.head.set_weights(weights[count:])


def rate(progress: float) -> float:
    """Return the share of the learning rate at a place in the training, 0 to 1: a short ramp, then a cosine."""
    if progress < WARM_SHARE:
        return max(progress / WARM_SHARE, LAST_RATE)
    fallen = (progress - WARM_SHARE) / (1 - WARM_SHARE)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * fallen))


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities from logits, row by row."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _rows(workshop: Workshop, step: Step, policy: Policy | None, epochs: int) -> Rows:
    features, network, cached = workshop.features, step.network, step.cached
    places = features.rows("train")
    drawn = policy is not None and network.prefix(cached) is not None
    views = min(workshop.config.views, epochs) if drawn else 1

    @cache
    def view(number: int) -> NDArray[Any]:
        if number == 0 or policy is None:
            return features.plain(network, cached)
        return features.view(network, cached, policy, number)

    return Rows(view, views, places, features.labels[places], workshop.config.seed)


def _train_epoch(
    step: Step, rows: Rows, candidate: Candidate, epoch: int, live: Callable[..., Any] | None
) -> dict[str, float]:
    model, size = step.trainee.model, _batch_size(candidate, len(rows.places))
    total = candidate.epochs * (len(rows.places) // size)
    done = (epoch - 1) * (len(rows.places) // size)
    losses, hits = [], []
    for chosen in rows.batches(epoch, size):
        _set_rates(model.optimizer, candidate, done / total, epoch)
        pixels = rows.batch(chosen, epoch)
        drawn = pixels if live is None else augment(live, pixels)
        logs = model.train_on_batch(drawn, rows.labels[chosen], return_dict=True)
        losses.append(float(logs["loss"]))
        hits.append(float(logs["accuracy"]))
        done += 1
    loss = float(np.mean(losses))
    if not math.isfinite(loss):
        raise TrialError(f"The loss became {loss} in epoch {epoch}; a lower learning rate may help.")
    return {"loss": loss, "accuracy": float(np.mean(hits))}


def _set_rates(optimizer: Any, candidate: Candidate, progress: float, epoch: int) -> None:
    optimizer.learning_rate = candidate.number("learning_rate") * rate(progress)
    if candidate.unfrozen_layers:
        # a head that knows nothing yet would spoil pretrained layers: it learns alone first
        slow = 0.0 if epoch == 1 and candidate.epochs > 1 else candidate.number("unfrozen_rate")
        optimizer.slow_rate.assign(slow)


def _validate(workshop: Workshop, step: Step, rows: Rows) -> dict[str, float]:
    valid = workshop.features.rows("valid")
    blocks = [valid[start : start + BATCH] for start in range(0, len(valid), BATCH)]
    model = step.trainee.model
    logits = np.concatenate([run(model, rows.view(0)[block]) for block in blocks])
    if not np.isfinite(logits).all():
        raise TrialError("The network gives values that are not numbers; a lower learning rate may help.")
    measured = scores(workshop.features.labels[valid], softmax(logits))
    return {"valid_loss": measured["log_loss"], **{f"valid_{name}": value for name, value in measured.items()}}


def _keep(trained: Trained, row: dict[str, float], trainee: Trainee, metric: str) -> None:
    """Note an epoch; ties in the score go to the lower validation loss."""
    best = trained.history[trained.best_epoch - 1] if trained.history else None
    trained.history.append(row)
    if best is not None and not better(row["score"], best["score"], metric):
        tie = row["score"] == best["score"] and row["valid_loss"] < best["valid_loss"]
        if not tie:
            return
    trained.best_epoch = int(row["epoch"])
    trained.score = row["score"]
    trained.metrics = {name[6:]: value for name, value in row.items() if name.startswith("valid_")}
    trained.metrics.pop("loss", None)
    trained.weights = get_values(trainee)


def _batch_size(candidate: Candidate, pictures: int) -> int:
    return min(int(candidate.number("batch_size")), pictures)
