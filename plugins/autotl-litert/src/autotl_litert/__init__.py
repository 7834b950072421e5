"""LiteRT, once TensorFlow Lite: one `.tflite` file for phones and small boards, in four precisions."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autotl

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


_LARGEST_LABELS = 64 * 2**20  # bytes; a small archive can unfold to any size


class LiteRTExporter(autotl.Exporter):
    """One `.tflite` file for one picture at a time; labels lie inside, where a phone's tools look for them.

    It takes float32 pixels 0 to 255; with int8 all is whole numbers, uint8 pixels in and uint8 probabilities out,
    as accelerators want it.
    """

    name = "litert"
    suffix = ".tflite"
    runtime = "ai_edge_litert"
    # Sound files of MobileNetV2, which is touchy, were off by 0.04, 0.07 and 0.23. A single unsure picture makes that
    # largest difference; whether the file is of use is rather told by agreement, and by what accuracy falls.
    precisions = {
        "float32": autotl.Tolerance(),
        "float16": autotl.Tolerance(difference=0.05, agreement=0.98, drop=0.01),
        "dynamic": autotl.Tolerance(difference=0.3, agreement=0.95, drop=0.02),
        "int8": autotl.Tolerance(difference=0.5, agreement=0.9, drop=0.02),
    }

    def write(
        self,
        model: keras.Model,
        path: Path,
        *,
        classes: Sequence[str],
        precision: str,
        pictures: Iterable[NDArray[np.uint8]],
    ) -> Path:
        """Convert by TensorFlow; for int8, ranges are found on `pictures`."""
        import keras

        one = keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32", name="pixels")  # for accelerators
        settings = _settings(precision, pictures)
        model.export(path, format="litert", input_signature=[one], verbose=False, **settings)
        labels = {"classes": list(classes), "image_size": list(model.input_shape[1:3])}
        with zipfile.ZipFile(path, "a") as archive:  # behind the model, as the metadata of TensorFlow Lite is packed
            archive.writestr("labels.json", json.dumps(labels, ensure_ascii=False))
            archive.writestr("labels.txt", "".join(f"{name}\n" for name in classes))
        return path

    def load(self, path: Path, *, threads: int | None = None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities, on so many threads; by default one for each processor."""
        import os

        import numpy as np
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=threads or os.cpu_count())
        interpreter.allocate_tensors()
        (pixels,), (probabilities,) = interpreter.get_input_details(), interpreter.get_output_details()

        def predict_one(picture: NDArray[Any]) -> NDArray[np.float32]:
            interpreter.set_tensor(pixels["index"], _typed(picture[None], pixels["dtype"]))
            interpreter.invoke()
            return _real(interpreter.get_tensor(probabilities["index"])[0], probabilities["quantization"])

        return lambda given: np.stack([predict_one(picture) for picture in given])

    def labels(self, path: Path) -> dict[str, Any]:
        """Return the labels packed behind the model."""
        if not zipfile.is_zipfile(path):  # somebody else's
            return {}
        with zipfile.ZipFile(path) as archive:
            inside = "labels.json" in archive.namelist()
            if not inside:
                return {}
            with archive.open("labels.json") as file:
                labels: dict[str, Any] = json.loads(file.read(_LARGEST_LABELS))
            return labels


def _settings(precision: str, pictures: Iterable[NDArray[np.uint8]]) -> dict[str, Any]:
    """Return what TensorFlow's converter is told."""
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise autotl.RunError(
            f"LiteRT files are made by TensorFlow, but Keras runs on {keras.backend.backend()}. "
            "Set KERAS_BACKEND=tensorflow for this command."
        )
    plain = tf.lite.OpsSet.TFLITE_BUILTINS  # and none of TensorFlow's own, which the runtime does not have
    if precision == "float32":
        return {"target_spec": {"supported_ops": [plain]}}
    small = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if precision == "float16":
        return {**small, "target_spec": {"supported_ops": [plain], "supported_types": [tf.float16]}}
    if precision == "dynamic":
        return {**small, "target_spec": {"supported_ops": [plain]}}
    return {
        **small,
        "representative_dataset": lambda: _representative(pictures),
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        "inference_input_type": tf.uint8,
        "inference_output_type": tf.uint8,
    }


def _representative(pictures: Iterable[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.float32]]]:
    import numpy as np

    shown = False
    for picture in pictures:
        shown = True
        yield [picture[None].astype(np.float32)]
    if not shown:
        raise autotl.RunError(
            "int8 needs training pictures to find the ranges of its numbers, and there are none here. "
            "Export from the run folder, with its data in place."
        )


def _typed(pixels: NDArray[Any], dtype: Any) -> NDArray[Any]:
    import numpy as np

    return pixels.astype(dtype) if dtype == np.float32 else np.clip(np.round(pixels), 0, 255).astype(dtype)


def _real(numbers: NDArray[Any], quantization: tuple[float, int]) -> NDArray[np.float32]:
    """Return probabilities from whole numbers: a scale of 0 says that they are real already."""
    import numpy as np

    scale, zero = quantization
    return (numbers.astype(np.float32) - zero) * scale if scale else numbers.astype(np.float32)


@autotl.hookimpl
def exporters() -> Iterable[autotl.Exporter]:
    """Offer LiteRT."""
    return [LiteRTExporter()]
