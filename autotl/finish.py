"""The finish, in a worker: the winner becomes one whole model, is scored once on the test part, and is written."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl import gallery
from autotl.calibration import calibrated, temperature
from autotl.candidate import Footprint
from autotl.data.leaks import leaked
from autotl.errors import DataError, TrialError
from autotl.folder import RunFolder, write_whole
from autotl.limits import broken
from autotl.metrics import scores
from autotl.predict import LoadedModel, infer
from autotl.scorecard import bounds, honesty, scorecard, without
from autotl.soup import stir
from autotl.trained import load_weights, set_values
from autotl.transfer.network import whole

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from autotl.candidate import Candidate
    from autotl.data import Dataset, Split
    from autotl.transfer.network import Network
    from autotl.transfer.workshop import Workshop

_TOLERANCE = 0.05
_SCORED: tuple[Split, ...] = ("valid", "test")


def finish(
    workshop: Workshop,
    folder: RunFolder,
    candidate: Candidate,
    number: int,
    score: float,
    *,
    runs: Sequence[int] = (),
    kin: Sequence[int] = (),
    weigh: Callable[[keras.Model], Footprint] = lambda model: Footprint(),
) -> dict[str, Any]:
    """Write `best/` and return its metrics: scores on validation and, where there is one, on the test part.

    `runs` are the numbers of all runs of the winner's recipe, the first one in front. `kin` are trials that may be
    averaged with it, best first: they differ from it in nothing that has a shape. `weigh` tells what the whole model
    takes. Raises TrialError when that does not repeat the score of its trial.
    """
    measured: dict[str, Any] = {"metric": workshop.config.metric, "trial": number, "test": None}
    weights = load_weights(folder.weights(number))
    others = [each for each in kin if each != number and folder.weights(each).is_file()]
    if workshop.config.soup and others:
        soup = stir(workshop, candidate, [number, *others], lambda each: load_weights(folder.weights(each)))
        weights, score = soup.weights, soup.scores[workshop.config.metric]
        measured["soup"] = list(soup.members)
    network, head = rebuild(workshop, candidate, weights)
    raw = _probabilities(workshop, whole(network, head), candidate)
    _check_repeats(workshop, raw["valid"], score)
    softness = temperature(_labels(workshop, "valid"), raw["valid"], seed=workshop.config.seed)
    made = {split: calibrated(rows, softness) for split, rows in raw.items()}
    measured.update(_measured(workshop, folder, runs, raw, made), temperature=softness, versions=versions())
    model = whole(network, head, softness)
    _write_model(workshop, folder, model, candidate)
    footprint = weigh(model)
    measured.update(asdict(footprint), over_limit=broken(footprint, workshop.config))
    write_whole(folder.predictions, _table(workshop.dataset, made))
    _hang(workshop, folder, network, head, made)
    return measured


def rebuild(workshop: Workshop, candidate: Candidate, weights: list[NDArray[Any]]) -> tuple[Network, keras.Model]:
    """Return the backbone and the head of a trial with the weights it kept, all in float32."""
    workshop.mixed = False  # the saved model is for any machine
    network = workshop.network(candidate.backbone, candidate.image_size)
    network.reset()
    head = workshop.head(network, candidate)
    set_values([*network.thaw(network.cut(candidate.unfrozen_layers)), *head.weights], weights)
    return network, head


def _check_repeats(workshop: Workshop, probabilities: NDArray[Any], score: float) -> None:
    """Raise TrialError when the whole model's validation score is not that of its trial, or of the soup.

    Features are kept in half precision, so a picture on the border may change sides; more may not.
    """
    again = scores(_labels(workshop, "valid"), probabilities)[workshop.config.metric]
    allowed = max(_TOLERANCE * abs(score), 2.0 / len(probabilities), _TOLERANCE)
    if abs(again - score) > allowed:
        raise TrialError(
            f"The finished model scores {again:.3f} on the validation pictures, but its trial scored {score:.3f}. "
            "This should not be: please report it."
        )


def _measured(
    workshop: Workshop,
    folder: RunFolder,
    runs: Sequence[int],
    raw: dict[Split, NDArray[Any]],
    made: dict[Split, NDArray[Any]],
) -> dict[str, Any]:
    """Return the scores of each split with the raw probabilities and those that the saved model gives."""
    metric, seed = workshop.config.metric, workshop.config.seed
    labels = {split: _labels(workshop, split) for split in made}
    told: dict[str, Any] = {"valid": scorecard(labels["valid"], raw["valid"], made["valid"])}
    if "test" in made:
        told["test"] = scorecard(labels["test"], raw["test"], made["test"])
        told["test"] |= bounds(labels["test"], made["test"], metric, seed=seed)
    leaks = {split: leaked(workshop.dataset, split) for split in made}
    told["without_leaks"] = {
        split: without(labels[split], made[split], places) for split, places in leaks.items() if places
    }
    classes = len(workshop.dataset.classes)
    return {**told, **honesty(folder, folder.records(), runs, labels["valid"], classes, metric, seed=seed)}


def _labels(workshop: Workshop, split: Split) -> NDArray[np.int64]:
    dataset = workshop.dataset
    return np.array([dataset.pictures[i].label for i in dataset.indices(split)], np.int64)


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


def _probabilities(workshop: Workshop, model: keras.Model, candidate: Candidate) -> dict[Split, NDArray[Any]]:
    """Return what the whole model says of the pictures of each split, read as any new picture would be."""
    dataset = workshop.dataset
    loaded = LoadedModel(model, dataset.classes, (candidate.image_size, candidate.image_size))
    return {split: _inferred(workshop, loaded, split) for split in _SCORED if dataset.indices(split)}


def _inferred(workshop: Workshop, loaded: LoadedModel, split: Split) -> NDArray[Any]:
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


def _hang(
    workshop: Workshop, folder: RunFolder, network: Network, head: keras.Model, made: dict[Split, NDArray[Any]]
) -> None:
    """Keep a few pictures for the report; no search fails for want of them."""
    split: Split = "test" if "test" in made else "valid"
    size = (network.image_size, network.image_size)

    def features(pixels: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(network.model.predict_on_batch(pixels.astype(np.float32)), np.float32)

    eyes = gallery.Eyes(size, features, head.predict_on_batch)
    try:
        gallery.hang(folder, workshop.dataset, split, made[split], eyes)
    except Exception:  # of a head or a disk that are odd
        traceback.print_exc()


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
    return text.getvalue().encode("utf-8", "replace").decode("utf-8")  # names need not be Unicode
