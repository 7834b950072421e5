"""OpenVINO: a folder with the network and its weights, for Intel's processors and graphics."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autotl

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


class OpenVinoExporter(autotl.Exporter):
    """A folder with `model.xml`, `model.bin` and `labels.json`; float32 pixels 0 to 255, batches of any length.

    With float16 the weights are stored in half the space; OpenVINO computes in what suits the device.
    """

    name = "openvino"
    suffix = ".openvino"
    runtime = "openvino"
    precisions = {
        "float32": autotl.Tolerance(),
        "float16": autotl.Tolerance(difference=0.05, agreement=0.98, drop=0.01),  # a sound MobileNetV2 was off by 0.04
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
        """Convert the model and write the folder, in place of an older one."""
        import openvino

        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        model.export(str(path / "plain.xml"), format="openvino", input_signature=[_signature(model)], verbose=False)
        network = openvino.Core().read_model(path / "plain.xml")
        openvino.save_model(network, path / "model.xml", compress_to_fp16=precision == "float16")
        del network  # it holds the file open
        for file in path.glob("plain.*"):
            file.unlink()
        labels = {"classes": list(classes), "image_size": list(model.input_shape[1:3])}
        (path / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), "utf-8")
        return path

    def load(self, path: Path, *, threads: int | None = None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities, computed in float32 on so many threads of the processor."""
        import numpy as np
        import openvino

        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}  # its own choice, bfloat16, is 0.01 off
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        compiled = openvino.Core().compile_model(path / "model.xml", "CPU", settings)
        request = compiled.create_infer_request()

        def predict(pixels: NDArray[Any]) -> NDArray[np.float32]:
            answer = request.infer([np.ascontiguousarray(pixels, np.float32)])
            return np.array(answer[compiled.output(0)], np.float32)

        return predict


def _signature(model: keras.Model) -> Any:
    import keras

    return keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype="float32", name="pixels")


@autotl.hookimpl
def exporters() -> Iterable[autotl.Exporter]:
    """Offer OpenVINO."""
    return [OpenVinoExporter()]
