"""From pictures to labels, with the model of a run folder, of a `.keras` file alone, or of an export."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autotl import labels
from autotl.builtin.vetting import vet
from autotl.data.unlabelled import pictures_in
from autotl.errors import DataError, RunError
from autotl.exported import ExportedModel, open_exported
from autotl.folder import RunFolder
from autotl.plugins import catalogue
from autotl.quiet import quiet

if TYPE_CHECKING:
    import keras

Model: TypeAlias = "LoadedModel | ExportedModel"
OnProgress = Callable[[int, int], object]
BATCH = 32  # pictures
IMAGE_SIZE = 224  # pixels; for a model that takes any size and says nothing of the one it was trained on


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model from pixels `(batch, height, width, 3)`, 0 to 255, to probabilities of its `classes`.

    `image_size` is (height, width), in pixels.
    """

    model: keras.Model
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    fills: ClassVar[bool] = True  # batches are filled up to one length, for each new one is compiled anew

    def probabilities(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return the probabilities `(batch, classes)` of pictures `(batch, height, width, 3)`, 0 to 255."""
        return np.asarray(self.model.predict_on_batch(pixels.astype(np.float32)), np.float32)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model sees in one picture: `label` is None where it `abstained`, being less sure than it was asked to be.

    It is None too, and `problem` says why, when the picture cannot be read. `probabilities` goes from the most
    probable class down.
    """

    path: str
    label: str | None
    confidence: float
    probabilities: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of so many `pictures`, made as they are asked for, in order; they can be gone through once.

    `classes` are those of the model.
    """

    classes: tuple[str, ...]
    pictures: int
    rows: Iterator[Prediction]

    def __iter__(self) -> Iterator[Prediction]:
        """Yield one for each picture."""
        return self.rows


def load_model(source: str | Path) -> LoadedModel:
    """Return the model of a run folder or a `.keras` file, with its class names.

    A file's names come from the `labels.json` inside it, from `NAME.labels.json` or `labels.json` beside it, or
    are numbers. Raises RunError when there is no such model.
    """
    file = model_file(Path(source).expanduser())
    model = _open(file)
    told = _labels(file)
    return LoadedModel(model, labels.named(told, int(model.output_shape[-1]), file), _image_size(model, told))


def load_any(source: str | Path, plugins: Sequence[str | Path] = ()) -> Model:
    """Return the model of a run folder, a `.keras` file, or an export in any format that a plugin can open.

    `plugins` are files of plugins to know besides what is installed: of layers, or of formats.
    """
    path = Path(source).expanduser()
    known = catalogue([Path(file).expanduser() for file in plugins]) if plugins else None
    exported = path.exists() and path.suffix not in ("", ".keras") and not RunFolder(path).config.is_file()
    return open_exported(path, known) if exported else load_model(path)


def predict(
    source: str | Path,
    paths: Sequence[str | Path],
    *,
    top: int | None = None,
    threshold: float = 0.0,
    batch_size: int = BATCH,
    plugins: Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> list[Prediction]:
    """Return a Prediction for each picture, all at once; for many pictures see `predictions`, which takes the same."""
    return list(
        predictions(
            source,
            paths,
            top=top,
            threshold=threshold,
            batch_size=batch_size,
            plugins=plugins,
            on_progress=on_progress,
        )
    )


def predictions(
    source: str | Path,
    paths: Sequence[str | Path],
    *,
    top: int | None = None,
    threshold: float = 0.0,
    batch_size: int = BATCH,
    plugins: Sequence[str | Path] = (),
    on_progress: OnProgress | None = None,
) -> Predictions:
    """Return what yields a Prediction for each picture, however many there are: only a few batches are in memory.

    `paths` may be files, folders (with all below them), globs and CSVs. `top` keeps only so many probabilities of
    each. Where the most probable class has less than `threshold`, 0 to 1, the model abstains. `plugins` are files of
    plugins that the model needs. Raises RunError when `source` has no model, DataError when there is no picture.
    """
    files = pictures_in(paths)
    if not files:
        raise DataError("There is no picture to predict. Name picture files, folders that hold some, or a CSV.")
    loaded = load_any(source, plugins)
    answers = infer(loaded, files, batch_size=batch_size, on_progress=on_progress)
    made = (
        _prediction(str(file), row, loaded.classes, top, threshold) for file, row in zip(files, answers, strict=True)
    )
    return Predictions(loaded.classes, len(files), made)


def infer(
    loaded: Model,
    paths: Sequence[Path],
    *,
    batch_size: int = BATCH,
    on_progress: OnProgress | None = None,
) -> Iterator[NDArray[np.float32] | DataError]:
    """Yield the probabilities `(classes,)` of each picture, in order, or why it cannot be read.

    While the model works on a batch, threads decode the next one.
    """
    from autotl.data.decode import try_decode_many

    length, done = min(batch_size, len(paths)), 0
    decoded = (made for _, made in try_decode_many(paths, loaded.image_size, ahead=length))
    while batch := list(islice(decoded, length)):
        yield from _infer_batch(loaded, batch, length)
        done += len(batch)
        if on_progress:
            on_progress(done, len(paths))


def model_file(source: Path) -> Path:
    """Return the model of a run folder, or the file that is one; raises RunError when there is none."""
    if source.is_file():
        return source
    if not source.is_dir():
        raise RunError(f"There is no run folder or model {source}. `autotl search DATA` makes one.")
    if RunFolder(source).model.is_file():
        return RunFolder(source).model
    if RunFolder(source).config.is_file():
        raise RunError(f"{source} holds no finished model yet. Run the same search again to go on.")
    raise RunError(f"{source} is neither a run folder nor a .keras file. Name the folder of a search.")


def _open(file: Path) -> keras.Model:
    if file.suffix != ".keras" or not zipfile.is_zipfile(file):
        raise RunError(f"{file} is not a Keras model; a file that ends in .keras is expected.")
    with quiet():
        import keras

    try:
        vet(file, keras.saving.get_custom_objects())
        model: keras.Model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # anything may be wrong inside
        raise RunError(f"{file} cannot be loaded as a Keras model: {_first_line(error)}.") from error
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != 3:
        raise RunError(f"{file} takes {shape}, not RGB pictures (batch, height, width, 3).")
    return model


def _labels(file: Path) -> dict[str, Any]:
    """Return what is known of a model's labels: what is told inside the file counts, then what lies beside it."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        inside = labels.parsed(archive.read("labels.json"), file) if "labels.json" in names else {}
    return {**labels.beside(file), **inside}


def _image_size(model: keras.Model, told: dict[str, Any]) -> tuple[int, int]:
    """Return (height, width): what the model insists on, else what it was trained on."""
    size = told.get("image_size", (IMAGE_SIZE, IMAGE_SIZE))
    height, width = (fixed or free for fixed, free in zip(model.input_shape[1:3], size, strict=True))
    return int(height), int(width)


def _infer_batch(
    loaded: Model, made: Sequence[NDArray[np.uint8] | DataError], length: int
) -> Iterator[NDArray[np.float32] | DataError]:
    """Yield a row or an error for each."""
    arrays = [each for each in made if not isinstance(each, DataError)]
    if arrays:
        batch = np.zeros((length if loaded.fills else len(arrays), *arrays[0].shape), np.float32)
        batch[: len(arrays)] = arrays
        rows = iter(loaded.probabilities(batch))
    for each in made:
        yield each if isinstance(each, DataError) else next(rows)


def _prediction(
    path: str, row: NDArray[np.float32] | DataError, classes: Sequence[str], top: int | None, threshold: float
) -> Prediction:
    if isinstance(row, DataError):
        return Prediction(path, None, 0.0, problem=str(row))
    order = np.argsort(-row, kind="stable")
    sure = float(row[order[0]])
    probabilities = {classes[place]: float(row[place]) for place in order[:top]}
    abstained = sure < threshold
    return Prediction(path, None if abstained else classes[order[0]], sure, probabilities, abstained=abstained)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
