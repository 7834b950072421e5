"""The exporters that need nothing more: Keras's own format, and TensorFlow's SavedModel."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import autotl

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


class KerasExporter(autotl.Exporter):
    """One `.keras` file that `keras.models.load_model` opens; `labels.json` lies inside it (it is a zip archive)."""

    name = "keras"
    suffix = ".keras"
    runtime = "keras"

    def write(self, model: keras.Model, path: Path, *, classes: Sequence[str]) -> Path:
        """Write the model and its labels to `path`, whatever its name ends in."""
        with TemporaryDirectory(dir=path.parent, prefix=".keras-") as folder:
            whole = Path(folder) / "model.keras"  # Keras insists on this ending
            model.save(whole)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr("labels.json", json.dumps(_labels(model, classes), ensure_ascii=False))
            whole.replace(path)
        return path

    def load(self, path: Path) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities; code inside the file is never run."""
        import keras
        import numpy as np

        model = keras.models.load_model(path, compile=False, safe_mode=True)

        def predict(pixels: NDArray[Any]) -> NDArray[np.float32]:
            return np.asarray(model.predict_on_batch(pixels.astype(np.float32, copy=False)), np.float32)

        return predict

    def labels(self, path: Path) -> dict[str, Any]:
        """Return the labels inside the archive."""
        with zipfile.ZipFile(path) as archive:
            inside = "labels.json" in archive.namelist()
            labels: dict[str, Any] = json.loads(archive.read("labels.json")) if inside else {}
            return labels


class SavedModelExporter(autotl.Exporter):
    """A TensorFlow SavedModel folder, for TensorFlow Serving and its kin, with `labels.json` in it."""

    name = "savedmodel"
    suffix = ".savedmodel"
    runtime = "tensorflow"

    def write(self, model: keras.Model, path: Path, *, classes: Sequence[str]) -> Path:
        """Write the folder; its one signature, `serve`, takes float32 pixels in batches of any length."""
        import keras

        if keras.backend.backend() != "tensorflow":
            raise autotl.RunError(
                f"SavedModel is written by TensorFlow, but Keras runs on {keras.backend.backend()}. "
                "Set KERAS_BACKEND=tensorflow for this command."
            )
        shutil.rmtree(path, ignore_errors=True)
        model.export(path, format="tf_saved_model", verbose=False)
        (path / "labels.json").write_text(json.dumps(_labels(model, classes), ensure_ascii=False), "utf-8")
        return path

    def load(self, path: Path, *, threads: int | None = None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities; `threads` counts only if TensorFlow has not run yet."""
        import numpy as np
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        served = tf.saved_model.load(str(path))  # kept alive by the function: its signature alone would not do

        def predict(pixels: NDArray[Any]) -> NDArray[np.float32]:
            return np.asarray(served.serve(tf.constant(pixels, tf.float32)), np.float32)

        return predict


def _labels(model: keras.Model, classes: Sequence[str]) -> dict[str, Any]:
    return {"classes": list(classes), "image_size": list(model.input_shape[1:3])}


@autotl.hookimpl
def exporters() -> Iterable[autotl.Exporter]:
    """Offer `.keras` and SavedModel."""
    return [KerasExporter(), SavedModelExporter()]
