"""The exporter of Keras's own format, with the labels inside the one file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import autotl

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


class KerasExporter(autotl.Exporter):
    """One `.keras` file that `keras.models.load_model` opens; `labels.json` lies inside it (it is a zip archive)."""

    name = "keras"
    suffix = ".keras"

    def write(self, model: keras.Model, path: Path, *, classes: Sequence[str]) -> Path:
        """Write the model and its labels to `path`, whatever its name ends in."""
        with TemporaryDirectory(dir=path.parent, prefix=".keras-") as folder:
            whole = Path(folder) / "model.keras"  # Keras insists on this ending
            model.save(whole)
            labels = {"classes": list(classes), "image_size": list(model.input_shape[1:3])}
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr("labels.json", json.dumps(labels, ensure_ascii=False))
            whole.replace(path)
        return path

    def load(self, path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities; code inside the file is never run."""
        import keras
        import numpy as np

        model = keras.models.load_model(path, compile=False, safe_mode=True)

        def predict(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(model.predict(pixels, verbose=0))

        return predict


@autotl.hookimpl
def exporters() -> Iterable[autotl.Exporter]:
    """Offer the `.keras` exporter."""
    return [KerasExporter()]
