from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl.parity import Format, Sample, measure, objection
from autotl.plugins import catalogue
from autotl.testing import ExporterSuite
from autotl.testing.materials import NAMES, inference, small_model, some_pictures, written

SOURCE = Path(__file__).parents[1] / "src" / "autotl_onnx" / "__init__.py"
MISSING = [name for name in ("onnx", "tf2onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def exporter() -> autotl.Exporter:
    """The plugin's exporter, read from its file: it need not be installed."""
    return catalogue([SOURCE], without=["onnx"]).exporter("onnx")


@pytest.fixture(scope="module")
def file(exporter):
    """A small model as ONNX."""
    with written(exporter, small_model()) as path:
        yield path


class TestOnnx(ExporterSuite):
    @pytest.fixture
    def part(self, exporter) -> autotl.Exporter:
        return exporter


def test_the_ends_of_the_graph_have_names_and_any_number_of_pictures(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (pixels,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (pixels.name, pixels.type, pixels.shape[1:]) == ("pixels", "tensor(float)", [32, 32, 3])
    assert probabilities.name == "probabilities"
    assert not isinstance(pixels.shape[0], int)


def test_a_constant_of_the_model_is_no_input_of_the_graph(exporter):
    import keras

    layer = keras.layers.Normalization(mean=[10.0, 20.0, 30.0], variance=[4.0, 9.0, 16.0])  # as in EfficientNetV2
    pixels = keras.Input((32, 32, 3))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(layer(pixels)))
    with written(exporter, model) as path:
        found = exporter.load(path)(some_pictures(32))
    np.testing.assert_allclose(found, inference(model, some_pictures(32)), rtol=1e-4)


def test_a_gelu_can_be_exported(exporter):
    import keras

    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Activation("gelu")(keras.layers.Rescaling(1 / 50, offset=-2.5)(pixels))
    model = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))
    with written(exporter, model) as path:
        found = exporter.load(path)(some_pictures(32))
    np.testing.assert_allclose(found, inference(model, some_pictures(32)), rtol=1e-4, atol=1e-6)


def test_the_labels_lie_in_the_metadata(exporter, file):
    assert exporter.labels(file) == {"classes": NAMES, "image_size": [32, 32]}


def test_a_fresh_process_that_knows_no_keras_answers_as_keras_does(exporter, file):
    pixels = some_pictures(32).astype(np.uint8)
    expected = inference(small_model(), pixels.astype(np.float32))
    found = measure(Format("onnx", (str(SOURCE),), ("onnx",)), file, Sample(pixels, expected, None))
    assert objection(found, exporter.precisions["float32"]) == ""
    assert found.milliseconds_one_thread
    assert set(found.modules) & {"tensorflow", "keras", "onnx"} == set()
