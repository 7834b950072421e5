"""Features for other uses: one vector for each picture, and how well classical algorithms tell the classes apart."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.config import with_files
from autotl.data import load
from autotl.errors import ConfigError
from autotl.metrics import scores
from autotl.plugins import catalogue
from autotl.quiet import quiet
from autotl.transfer.features import BATCH, run
from autotl.transfer.linear import few_threads

if TYPE_CHECKING:
    from autotl.data import Dataset
    from autotl.transfer.network import Network

OnProgress = Callable[[int, int], object]
FORMATS = (".npz", ".parquet")
_FOLDS = 5
_NEIGHBOURS = 10


@dataclass(frozen=True, eq=False)
class Embedding:
    """Pictures as vectors: `paths`, `labels` (class names), `splits`, and `vectors` `(pictures, features)` float32."""

    backbone: str
    image_size: int
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    vectors: NDArray[np.float32]

    def write(self, path: Path) -> None:
        """Write a .npz (paths, labels, splits, vectors) or a .parquet (one column for each feature), whole or not."""
        check_format(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            part = Path(folder) / path.name
            self._write_npz(part) if path.suffix == ".npz" else self._write_parquet(part)
            part.replace(path)

    def _write_npz(self, path: Path) -> None:
        np.savez(
            path,
            paths=np.array(self.paths),
            labels=np.array(self.labels),
            splits=np.array(self.splits),
            vectors=self.vectors,
            backbone=np.array(self.backbone),
            image_size=np.array(self.image_size),
        )

    def _write_parquet(self, path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        names: dict[str, Any] = {"path": self.paths, "label": self.labels, "split": self.splits}
        width = len(str(self.vectors.shape[1] - 1))
        names |= {f"feature_{place:0{width}d}": column for place, column in enumerate(self.vectors.T)}
        about = {"backbone": self.backbone, "image_size": str(self.image_size)}
        parquet.write_table(pyarrow.table(names).replace_schema_metadata(about), path)


@dataclass(frozen=True)
class Classical:
    """How a classical algorithm fares on the vectors: each picture is judged by a model that never saw it."""

    name: str
    accuracy: float
    balanced_accuracy: float
    macro_f1: float


def check_format(path: Path) -> None:
    """Raise ConfigError unless a file of this name can be written, here."""
    if path.suffix not in FORMATS:
        raise ConfigError(f"-o {path} must end with {' or '.join(FORMATS)}.")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise ConfigError(
                'For .parquet, pyarrow is needed: pip install "autotl[parquet]". Or write a .npz.'
            ) from None


def embed(
    data: str | Path,
    backbone: str,
    *,
    image_size: int | None = None,
    weights: str | None = None,
    plugins: Sequence[str | Path] = (),
    on_progress: OnProgress = lambda done, total: None,
) -> Embedding:
    """Return what a frozen backbone sees in labelled pictures: its feature map, averaged over places.

    `backbone` is a name or a `.keras` file, `weights` a file of weights or "random". Raises AutotlError.
    """
    named = with_files({"backbones": (backbone,), "plugins": tuple(map(str, plugins))})
    parts = catalogue([Path(file) for file in named["plugins"]])
    part = parts.backbone(named["backbones"][0])
    dataset = load(data, test_split=0)
    size = max(image_size or part.image_size, part.min_size)
    with quiet():
        import keras  # noqa: F401  (what it says as it starts is of no use here)

        from autotl.transfer.network import Network

        network = Network.build(part, size, weights or part.weights)
    return embedded(network, dataset, on_progress)


def compare(embedding: Embedding, *, seed: int = 0) -> list[Classical]:
    """Return how nearest neighbours, logistic regression and a linear SVM fare, cross-validated; the best first.

    A class with a single picture takes no part. Raises ConfigError when fewer than two classes are left.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    names, labels = np.unique(embedding.labels, return_inverse=True)
    counts = np.bincount(labels)
    kept = counts[labels] > 1
    if len(np.unique(labels[kept])) < 2:
        raise ConfigError("At least two classes with two pictures each are needed to compare classifiers.")
    rows, known = embedding.vectors[kept], labels[kept]
    folds = StratifiedKFold(int(min(_FOLDS, counts[counts > 1].min())), shuffle=True, random_state=seed)
    told = []
    with warnings.catch_warnings(), few_threads(rows.size):
        warnings.simplefilter("ignore")  # of what has not quite converged
        for name, model in _models(seed).items():
            said = cross_val_predict(model, rows, known, cv=folds)
            measured = scores(known, np.eye(len(names), dtype=np.float32)[said])
            told.append(Classical(name, measured["accuracy"], measured["balanced_accuracy"], measured["macro_f1"]))
    return sorted(told, key=lambda one: -one.accuracy)


def _models(seed: int) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    return {
        "nearest neighbours": KNeighborsClassifier(_NEIGHBOURS, metric="cosine", algorithm="brute"),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)),
        "linear SVM": make_pipeline(StandardScaler(), LinearSVC(C=0.001, random_state=seed)),
    }


def embedded(network: Network, dataset: Dataset, on_progress: OnProgress) -> Embedding:
    """Return what a network that is built already sees in the pictures of a data set."""
    from autotl.data.decode import decode_many
    from autotl.transfer.probe import averages

    tap = averages(network)
    runner = network.runner(network.pixels, [tap])
    paths = [picture.path for picture in dataset.pictures]
    vectors = np.empty((len(paths), tap.shape[-1]), np.float32)
    block = np.empty((BATCH, network.image_size, network.image_size, 3), np.float32)
    size = (network.image_size, network.image_size)
    for place, pixels in decode_many(paths, size, on_progress):
        block[place % BATCH] = pixels
        if place % BATCH == BATCH - 1 or place == len(paths) - 1:
            start = place - place % BATCH
            vectors[start : place + 1] = run(runner, block[: place - start + 1])[0].reshape(place - start + 1, -1)
    labels = tuple(dataset.classes[picture.label] for picture in dataset.pictures)
    splits = tuple(picture.split for picture in dataset.pictures)
    return Embedding(network.name, network.image_size, tuple(paths), labels, splits, vectors)
