"""The finish, in a worker: the winner becomes one whole model, is scored once on the test part, and is written."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.errors import DataError, TrialError
from autotl.folder import RunFolder, write_whole
from autotl.metrics import interval, scores
from autotl.predict import LoadedModel, infer
from autotl.trained import load_weights, set_values
from autotl.transfer.network import whole

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.data import Dataset, Split
    from autotl.transfer.workshop import Workshop

_TOLERANCE = 0.05
_SCORED: tuple[Split, ...] = ("valid", "test")


def finish(workshop: Workshop, folder: RunFolder, candidate: Candidate, number: int, score: float) -> dict[str, Any]:
    """Write `best/` and return its metrics: scores on validation and, where there is one, on the test part.

    Raises TrialError when the whole model does not repeat the score of its trial.
    """
    model = rebuild(workshop, candidate, load_weights(folder.weights(number)))
    dataset, metric = workshop.dataset, workshop.config.metric
    loaded = LoadedModel(model, dataset.classes, (candidate.image_size, candidate.image_size))
    probabilities = {split: _probabilities(workshop, loaded, split) for split in _SCORED if dataset.indices(split)}
    measured: dict[str, Any] = {"metric": metric, "trial": number, "test": None}
    for split, predicted in probabilities.items():
        labels = np.array([dataset.pictures[i].label for i in dataset.indices(split)])
        measured[split] = {**scores(labels, predicted), "pictures": len(labels)}
        if split == "test":
            measured[split]["interval"] = list(interval(labels, predicted, metric, seed=workshop.config.seed))
    _check_repeats(measured, score)
    measured["versions"] = versions()
    _write_model(workshop, folder, model, candidate)
    write_whole(folder.best / "predictions.csv", _table(dataset, probabilities))
    return measured


def rebuild(workshop: Workshop, candidate: Candidate, weights: list[NDArray[Any]]) -> keras.Model:
    """Return the whole model of a trial from the weights it kept."""
    network = workshop.network(candidate.backbone, candidate.image_size)
    network.reset()
    head = workshop.head(network, candidate)
    set_values([*network.thaw(network.cut(candidate.unfrozen_layers)), *head.weights], weights)
    return whole(network, head)


def _check_repeats(measured: dict[str, Any], score: float) -> None:
    """Raise TrialError when the whole model's validation score is not that of its trial.

    Features are kept in half precision, so a picture on the border may change sides; more may not.
    """
    again = measured["valid"][measured["metric"]]
    allowed = max(_TOLERANCE * abs(score), 2.0 / measured["valid"]["pictures"], _TOLERANCE)
    if abs(again - score) > allowed:
        raise TrialError(
            f"The finished model scores {again:.3f} on the validation pictures, but its trial scored {score:.3f}. "
            "This should not be: please report it."
        )


def versions() -> dict[str, str]:
    """Return the versions a result depends on."""
    import keras
    from PIL import __version__ as pillow

    import autotl

    return {
        "autotl": autotl.__version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
        "pillow": pillow,
    }


def _probabilities(workshop: Workshop, loaded: LoadedModel, split: Split) -> NDArray[Any]:
    """Return what the whole model says of the pictures of a split, read as any new picture would be."""

    def on_progress(done: int, total: int) -> None:
        workshop.features.on_progress(f"Scoring the best model ({split})", done, total)

    paths = [Path(workshop.dataset.pictures[i].path) for i in workshop.dataset.indices(split)]
    rows = []
    for row in infer(loaded, paths, on_progress=on_progress):
        if isinstance(row, DataError):  # it could be read when the search began
            raise row
        rows.append(row)
    return np.stack(rows)


def _write_model(workshop: Workshop, folder: RunFolder, model: keras.Model, candidate: Candidate) -> None:
    classes = list(workshop.dataset.classes)
    folder.best.mkdir(parents=True, exist_ok=True)
    part = folder.model.with_name("model.part.keras")
    workshop.catalogue.exporter("keras").write(model, part, classes=classes)
    part.replace(folder.model)
    labels = {"classes": classes, "image_size": [candidate.image_size, candidate.image_size]}
    write_whole(folder.best / "labels.json", json.dumps(labels, indent=1))


def _table(dataset: Dataset, probabilities: dict[Split, NDArray[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "split", "label", "predicted", "confidence", *(f"p_{name}" for name in dataset.classes)])
    for split, rows in probabilities.items():
        for index, row in zip(dataset.indices(split), rows, strict=True):
            picture = dataset.pictures[index]
            guess = int(row.argmax())
            path = os.path.relpath(picture.path, dataset.root) if Path(dataset.root).is_dir() else picture.path
            known = [path, split, dataset.classes[picture.label], dataset.classes[guess], f"{row[guess]:.6f}"]
            writer.writerow([*known, *(f"{value:.6f}" for value in row)])
    return text.getvalue()
