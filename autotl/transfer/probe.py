"""The probe of a backbone: what one linear layer makes of its frozen features, and how long a forward pass takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.errors import TrialError
from autotl.metrics import score, scores
from autotl.trained import get_values, set_values
from autotl.transfer.features import BATCH, run
from autotl.transfer.head import split, standardise, standardised
from autotl.transfer.linear import Linear, cross_validate, few_threads, fit, sample

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from autotl.transfer.features import Features
    from autotl.transfer.network import Network, Tap
    from autotl.transfer.workshop import Workshop

_TIMED = 3  # forward passes of a batch
_MOST_VALUES = 30_000_000  # of training pictures in memory: 23,000 of 1280 features; more would tell no more
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Probe:
    """What a probe found. `score` and `knn` (nearest neighbours) are cross-validated on the training pictures alone.

    `metrics` and `probabilities` are those of `layer`, fitted on all training pictures, on the validation part, in
    its order; `ms` is the time of a forward pass through the whole backbone, in milliseconds per picture.
    `opinions` are what pictures were told by layers not fitted on them, training and validation: their places in
    the data set, and probabilities.
    """

    score: float
    knn: float
    metrics: dict[str, float]
    probabilities: NDArray[np.float32]
    layer: Linear
    seconds: float
    ms: float
    opinions: tuple[NDArray[np.int64], NDArray[np.float32]]


def probe(workshop: Workshop, backbone: str, image_size: int) -> Probe:
    """Probe a backbone; its features stay in the store for trials with frozen layers.

    Raises TrialError when features are not numbers, or no class has two training pictures.
    """
    began = time.monotonic()
    network, features, metric = workshop.network(backbone, image_size), workshop.features, workshop.config.metric
    classes = len(workshop.dataset.classes)
    network.reset()
    tap = averages(network)
    stored, train, valid = features.plain(network, tap), features.rows("train"), features.rows("valid")
    train = train[sample(features.labels[train], _MOST_VALUES // stored.shape[-1], workshop.config.seed)]
    seen, labels = _pooled(stored, train), features.labels[train]

    def on_fold(done: int, total: int) -> None:
        features.on_progress(f"Probe of {backbone}", done, total)

    verdict = cross_validate(
        seen, labels, classes, groups=_groups(features, train), seed=workshop.config.seed, on_fold=on_fold
    )
    with few_threads(seen.size * classes):
        (layer,) = fit(seen, labels, classes, [verdict.strength])
    blocks = (valid[start : start + _BLOCK] for start in range(0, len(valid), _BLOCK))
    probabilities = np.concatenate([layer.probabilities(_pooled(stored, block)) for block in blocks])
    ms = 1000 * _pace(network, tap)
    return Probe(
        score=score(labels[verdict.rows], verdict.linear, metric),
        knn=score(labels[verdict.rows], verdict.neighbours, metric),
        metrics=scores(features.labels[valid], probabilities),
        probabilities=probabilities,
        layer=layer,
        seconds=round(time.monotonic() - began, 3),
        ms=round(ms, 4),
        opinions=(
            np.array(workshop.dataset.indices("train", "valid"), np.int64)[[*train[verdict.rows], *valid]],
            np.concatenate([verdict.linear, probabilities]),
        ),
    )


def weights_for(head: keras.Model, layer: Linear) -> list[NDArray[Any]] | None:
    """Return the weights with which a head answers as a probe's layer does; None when it is not made that way."""
    from keras import ops

    weights = [layer.kernel, layer.bias]
    if [weight.shape for weight in head.trainable_weights] != [weight.shape for weight in weights]:
        return None
    set_values(head.trainable_weights, weights)
    standardise(head, np.zeros(len(layer.kernel), np.float32), 1.0)  # the layer does so itself
    maps = np.random.default_rng(0).uniform(size=(4, *head.input_shape[1:])).astype(np.float32)
    said, expected = (
        ops.convert_to_numpy(head(maps, training=False)),
        _pooled(maps, np.arange(len(maps))) @ layer.kernel + layer.bias,
    )
    return get_values(head.weights) if np.allclose(said, expected, rtol=1e-3, atol=1e-3) else None


def averages(network: Network) -> Tap:
    """Return the average over places of what a backbone gives: just what heads with average pooling read."""
    import keras

    feature_map = keras.Input(network.model.output_shape[1:])
    averages = keras.layers.GlobalAveragePooling2D()(feature_map)
    head = keras.Model(feature_map, keras.layers.Dense(1)(averages))
    return network.stem_tap(split(standardised(head)))


def _pooled(stored: NDArray[Any], places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return one row of channels for some pictures, averaged over places where there are any, a batch at a time."""
    rows = np.empty((len(places), stored.shape[-1]), np.float32)
    for start in range(0, len(places), BATCH):
        block = np.asarray(stored[places[start : start + BATCH]], np.float32)
        rows[start : start + BATCH] = block.reshape(len(block), -1, block.shape[-1]).mean(axis=1)
    if not np.isfinite(rows).all():
        raise TrialError("The backbone gives values that are not numbers.")
    return rows


def _groups(features: Features, rows: NDArray[np.int64]) -> list[str] | None:
    pictures = [features.pictures[row] for row in rows]
    if not any(picture.group or picture.twins for picture in pictures):
        return None
    return [picture.group or picture.twins or picture.digest for picture in pictures]


def _pace(network: Network, tap: Tap) -> float:
    """Return the seconds per picture of a forward pass; measured now, if the features were in the store already."""
    if network.pace is None:
        runner = network.runner(network.pixels, [tap])
        block = np.full((BATCH, *network.model.input_shape[1:]), 128, np.float32)
        run(runner, block)  # traces
        network.pace = min(_seconds(runner, block) for _ in range(_TIMED)) / BATCH
    return network.pace


def _seconds(runner: keras.Model, block: NDArray[Any]) -> float:
    began = time.perf_counter()
    run(runner, block)
    return time.perf_counter() - began
