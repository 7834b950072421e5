"""How good a backbone's frozen features are, on labelled pictures it never saw, beside two that learnt nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.builtin.saved import SavedBackbone
from autotl.data import load
from autotl.data.decode import decode_many
from autotl.embed import embedded
from autotl.metrics import score
from autotl.transfer.linear import cross_validate
from autotl.transfer.network import Network

if TYPE_CHECKING:
    from autotl.data import Dataset
    from autotl.parts import Backbone

_RAW = 24  # pixels, squared: raw pictures are no better when larger


def measure_all(model: Path, data: Sequence[str], *, seed: int = 0) -> list[dict[str, Any]]:
    """Return a row for each data set: cross-validated accuracies of a linear layer on features.

    `features` are those of the saved backbone, `random` those of the same network with random weights, `pixels` the
    raw pictures. Raises DataError, TrialError.
    """
    part = SavedBackbone(model)
    rows = []
    for source in data:
        dataset = load(source, test_split=0, seed=seed)
        rows.append(
            {
                "data": Path(dataset.root).name,
                "pictures": len(dataset.pictures),
                "classes": len(dataset.classes),
                "features": probed(part, part.image_size, dataset, seed=seed),
                "random": probed(part, part.image_size, dataset, weights="random", seed=seed),
                "pixels": of_pixels(dataset, seed),
            }
        )
    return rows


def probed(part: Backbone, image_size: int, dataset: Dataset, *, weights: str = "", seed: int = 0) -> float:
    """Return the accuracy of a linear layer on a backbone's features of all pictures, cross-validated."""
    import keras

    keras.utils.set_random_seed(seed)
    network = Network.build(part, image_size, weights or part.weights)
    return _accuracy(embedded(network, dataset, lambda done, total: None).vectors, dataset, seed)


def of_pixels(dataset: Dataset, seed: int = 0) -> float:
    """Return the accuracy of a linear layer on all raw pictures, made small, cross-validated."""
    paths = [picture.path for picture in dataset.pictures]
    rows = np.stack([pixels.reshape(-1).astype(np.float32) for _, pixels in decode_many(paths, (_RAW, _RAW))])
    return _accuracy(rows, dataset, seed)


def _accuracy(rows: NDArray[np.float32], dataset: Dataset, seed: int) -> float:
    labels = np.array([picture.label for picture in dataset.pictures], np.int64)
    verdict = cross_validate(rows, labels, len(dataset.classes), seed=seed)
    return round(score(labels[verdict.rows], verdict.linear, "accuracy"), 4)
