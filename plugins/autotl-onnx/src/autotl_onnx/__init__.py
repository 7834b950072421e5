"""ONNX: one file that onnxruntime, and many another engine, runs without Keras or TensorFlow."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import autotl

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


class OnnxExporter(autotl.Exporter):
    """One `.onnx` file: float32 pixels 0 to 255 in, in batches of any length; the labels are in its metadata."""

    name = "onnx"
    suffix = ".onnx"
    runtime = "onnxruntime"

    def write(self, model: keras.Model, path: Path, *, classes: Sequence[str]) -> Path:
        """Write the file, its input named "pixels" and its output "probabilities"."""
        import onnx

        with TemporaryDirectory(dir=path.parent, prefix=".onnx-") as folder:
            plain = Path(folder) / "model.onnx"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # Keras asks whether numpy still has `object`
                model.export(plain, format="onnx", input_signature=[_signature(model)], verbose=False)
            graph = onnx.load(plain)
        _keep_constants(graph.graph, model)
        _spell_out_erfc(graph.graph)
        _name(graph.graph, "pixels", "probabilities")
        labels = {"classes": list(classes), "image_size": list(model.input_shape[1:3])}
        graph.metadata_props.add(key="labels", value=json.dumps(labels, ensure_ascii=False))
        onnx.checker.check_model(graph)
        onnx.save(graph, path)
        return path

    def load(self, path: Path, *, threads: int = 0) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels to probabilities, on so many threads; 0 takes all."""
        import numpy as np

        session = _session(path, threads)
        (pixels,) = session.get_inputs()

        def predict(given: NDArray[Any]) -> NDArray[np.float32]:
            (answer,) = session.run(None, {pixels.name: given.astype(np.float32, copy=False)})
            return np.asarray(answer, np.float32)

        return predict

    def labels(self, path: Path) -> dict[str, Any]:
        """Return the labels in the metadata of the file."""
        told = _session(path, 1).get_modelmeta().custom_metadata_map
        labels: dict[str, Any] = json.loads(told.get("labels", "{}"))
        return labels


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors alone
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _signature(model: keras.Model) -> Any:
    import keras

    return keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype="float32", name="pixels")


def _keep_constants(graph: Any, model: keras.Model) -> None:
    """Leave pixels the only input: tf2onnx takes the constants a traced function has captured for others.

    A Normalization layer's mean and variance are such constants.
    """
    if len(graph.input) == 1:
        return
    import tensorflow as tf
    from onnx import numpy_helper

    traced = tf.function(lambda pixels: model(pixels, training=False))
    function = traced.get_concrete_function(tf.TensorSpec((None, *model.input_shape[1:]), tf.float32))
    constants = [each.numpy() for each in function.captured_inputs if each.dtype != tf.resource]
    read = {name for node in graph.node for name in node.input}
    for asked, constant in zip(graph.input[1:], constants, strict=True):
        if asked.name in read:
            graph.initializer.append(numpy_helper.from_array(constant, asked.name))
    del graph.input[1:]


def _spell_out_erfc(graph: Any) -> None:
    """Write `1 - Erf(x)` for `Erfc(x)`, which is TensorFlow's word in a GELU and none of ONNX's."""
    import numpy as np
    from onnx import helper, numpy_helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        (result,) = node.output
        nodes.append(helper.make_node("Erf", node.input, [f"{result}/erf"]))
        nodes.append(helper.make_node("Sub", ["one", f"{result}/erf"], [result]))
    if len(nodes) > len(graph.node):
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "one"))
        del graph.node[:]
        graph.node.extend(nodes)


def _name(graph: Any, pixels: str, probabilities: str) -> None:
    """Give the input and the output of a graph names that tell what they are."""
    names = {graph.input[0].name: pixels, graph.output[0].name: probabilities}
    for node in graph.node:
        for place in (node.input, node.output):
            place[:] = [names.get(each, each) for each in place]
    graph.input[0].name, graph.output[0].name = pixels, probabilities


@autotl.hookimpl
def exporters() -> Iterable[autotl.Exporter]:
    """Offer ONNX."""
    return [OnnxExporter()]
