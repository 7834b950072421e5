"""The rows that an epoch of training reads: kept features of the plain pictures, or of views drawn from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.transfer.features import BATCH, augment, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.transfer.features import Policy
    from autotl.transfer.network import Network, Tap
    from autotl.transfer.workshop import Workshop

_EPOCHS_PER_VIEW = 2.5
_LARGE_BATCH = 512  # for validation on rows without places, which take next to no memory
_ON_DEVICE = 2 << 30  # bytes of features that a trial may keep in the memory of a GPU


class Views:
    """Views by number, each computed when it is asked for; `ahead` has the next one computed meanwhile, in a thread."""

    def __init__(self, compute: Callable[[int], NDArray[Any]], count: int, *, ahead: bool) -> None:
        self._compute, self._count, self._ahead = compute, count, ahead
        self._made: dict[int, Future[NDArray[Any]]] = {}
        self._threads: list[Thread] = []

    def __call__(self, number: int) -> NDArray[Any]:
        """Return a view."""
        if number not in self._made:
            self._made[number] = Future()
            self._make(number)
        view = self._made[number].result()
        following = number + 1
        if self._ahead and following < self._count and following not in self._made:
            self._made[following] = Future()
            self._threads.append(Thread(target=self._make, args=(following,), daemon=True))
            self._threads[-1].start()
        return view

    def rest(self) -> None:
        """Wait for what is being computed ahead: the next trial may change the weights that it is computed with."""
        for thread in self._threads:
            thread.join()

    def _make(self, number: int) -> None:
        try:
            self._made[number].set_result(self._compute(number))
        except BaseException as error:  # raised where the view is asked for
            self._made[number].set_exception(error)


@dataclass
class Live:
    """An augmentation that draws anew for each batch; what it draws in an epoch does not depend on earlier ones."""

    policy: Policy
    seed: int
    _epoch: int = -1
    _layer: Callable[..., Any] | None = None

    def layer(self, epoch: int) -> Callable[..., Any]:
        """Return the augmentation of an epoch."""
        if self._layer is None or epoch != self._epoch:
            self._epoch, self._layer = epoch, self.policy.layer(self.seed * 10_007 + epoch)
        return self._layer


@dataclass(frozen=True)
class Rows:
    """Training rows: `view(0)` are the plain pictures at a tap, `view(1)` and up drawn ones; `live` draws anew.

    A view is computed when its epoch comes, so a trial that is pruned early never pays for the others.
    `labels` are classes, `(training pictures,)`; `places` their rows among the plain ones, `valid` those of the
    validation pictures. `device` holds views in the memory of a GPU, where batches are then gathered; it is None where
    there is no GPU, or they would not fit.
    """

    view: Views
    views: int
    live: Live | None
    places: NDArray[np.int64]
    valid: NDArray[np.int64]
    labels: NDArray[np.int64]
    seed: int
    device: dict[int, Any] | None = None

    def batches(self, epoch: int, size: int, passes: int) -> Iterator[NDArray[np.int64]]:
        """Return the training rows of an epoch, shuffled for each pass, in full batches: one shape, one trace.

        What is left over differs from pass to pass, so every picture gets its turn.
        """
        for number in range(passes):
            order = np.random.default_rng([self.seed, epoch, number]).permutation(len(self.places))
            for start in range(0, len(order) - size + 1, size):
                yield order[start : start + size]

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> Any:
        """Return some training rows; epochs take turns with the views, the plain one first."""
        turn = (epoch - 1) % self.views
        places = chosen if turn else self.places[chosen]
        if self.device is not None and self.live is None:
            return self._gathered(self.device, turn, places)
        rows = np.asarray(self.view(turn)[places])
        return rows if self.live is None else augment(self.live.layer(epoch), rows)

    def _gathered(self, device: dict[int, Any], turn: int, places: NDArray[np.int64]) -> Any:
        from keras import ops

        if turn not in device:
            device[turn] = ops.convert_to_tensor(np.asarray(self.view(turn)))
        return ops.take(device[turn], places, axis=0)

    def logits(self, model: Any) -> NDArray[Any]:
        """Return what a model says of the plain validation pictures."""
        rows = self.view(0)
        size = BATCH if rows.ndim > 2 else min(_LARGE_BATCH, len(self.valid))
        blocks = (self.valid[start : start + size] for start in range(0, len(self.valid), size))
        say = _directly if rows.ndim == 2 and len(self.valid) <= _LARGE_BATCH else partial(run, batch=size)
        return np.concatenate([say(model, np.asarray(rows[block]))[0] for block in blocks])


def _directly(model: Any, block: NDArray[Any]) -> list[NDArray[Any]]:
    """Return what a head says of one block, without a trace, which would take longer than all its blocks."""
    from keras import ops

    return [np.asarray(ops.convert_to_numpy(model(block, training=False)))]


def rows_at(workshop: Workshop, network: Network, tap: Tap, candidate: Candidate, *, plain: bool = False) -> Rows:
    """Return the rows of a candidate at a tap; `plain` ones are never varied.

    Where nothing lies between pictures and tap, an augmentation draws anew for each batch; elsewhere it draws a
    number of views that grows with the epochs, up to the setting.
    """
    features = workshop.features
    policy = None if plain else workshop.policy(candidate)
    is_pixels = tap.tensor is network.pixels.tensor
    live = Live(policy, candidate.seed) if policy is not None and is_pixels else None
    drawn = policy if live is None else None
    places = features.rows("train")
    views = views_of(candidate.epochs, workshop.config.views) if drawn is not None else 1
    view = Views(lambda number: _view(workshop, network, tap, drawn, number), views, ahead=workshop.has_free_cores)
    seed = workshop.config.seed + candidate.seed
    size = 2 * math.prod(tap.shape) * len(features.pictures) * views
    device: dict[int, Any] | None = {} if workshop.has_gpu and size <= _ON_DEVICE else None
    return Rows(view, views, live, places, features.rows("valid"), features.labels[places], seed, device)


def views_of(epochs: int, most: int) -> int:
    """Return how many views a trial of some epochs draws, the plain pictures among them."""
    return max(1, min(most, math.ceil(epochs / _EPOCHS_PER_VIEW)))


def _view(workshop: Workshop, network: Network, tap: Tap, policy: Policy | None, number: int) -> NDArray[Any]:
    if number == 0 or policy is None:
        return workshop.features.plain(network, tap)
    return workshop.features.view(network, tap, policy, number)
