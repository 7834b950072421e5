from __future__ import annotations

import contextlib
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl.parity import Format, Sample, measure, objection
from autotl.plugins import catalogue
from autotl.testing import ExporterSuite
from autotl.testing.materials import NAMES, inference, small_model, some_pictures, written

SOURCE = Path(__file__).parents[1] / "src" / "autotl_litert" / "__init__.py"
MISSING = [name for name in ("ai_edge_litert", "tensorflow") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def exporter() -> autotl.Exporter:
    """The plugin's exporter, read from its file: it need not be installed."""
    return catalogue([SOURCE], without=["litert"]).exporter("litert")


@pytest.fixture(scope="module")
def files(exporter):
    """A small model in each precision."""
    with contextlib.ExitStack() as stack:
        yield {each: stack.enter_context(written(exporter, small_model(), each)) for each in exporter.precisions}


class TestLiteRT(ExporterSuite):
    @pytest.fixture
    def part(self, exporter) -> autotl.Exporter:
        return exporter


def interpreter(file):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=str(file))


@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", "float32"), ("float16", "float32"), ("dynamic", "float32"), ("int8", "uint8")]
)
def test_one_picture_goes_in_and_only_int8_is_whole_numbers(files, precision, kind):
    made = interpreter(files[precision])
    (pixels,), (probabilities,) = made.get_input_details(), made.get_output_details()
    assert pixels["shape"].tolist() == [1, 32, 32, 3]
    assert np.dtype(pixels["dtype"]).name == np.dtype(probabilities["dtype"]).name == kind


def test_int8_has_no_real_number_inside(files):
    made = interpreter(files["int8"])
    made.allocate_tensors()
    assert {np.dtype(each["dtype"]).kind for each in made.get_tensor_details()} <= {"i", "u"}


def test_the_labels_can_be_unzipped_from_the_file(exporter, files):
    for file in files.values():
        assert exporter.labels(file) == {"classes": NAMES, "image_size": [32, 32]}
        with zipfile.ZipFile(file) as archive:
            assert archive.read("labels.txt").decode().splitlines() == NAMES


def test_int8_without_training_pictures_is_refused(exporter, tmp_path):
    with pytest.raises(autotl.RunError, match="int8 needs training pictures"):
        exporter.write(small_model(), tmp_path / "m.tflite", classes=NAMES, precision="int8", pictures=())


def test_a_fresh_process_that_knows_no_keras_answers_as_keras_does(exporter, files):
    pixels = some_pictures(32).astype(np.uint8)
    expected = inference(small_model(), pixels.astype(np.float32))
    found = measure(Format("litert", (str(SOURCE),), ("litert",)), files["float32"], Sample(pixels, expected, None))
    assert objection(found, exporter.precisions["float32"]) == ""
    assert found.milliseconds_one_thread
    assert set(found.modules) & {"tensorflow", "keras"} == set()
