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

SOURCE = Path(__file__).parents[1] / "src" / "autotl_openvino" / "__init__.py"
MISSING = [name for name in ("openvino",) if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def exporter() -> autotl.Exporter:
    """The plugin's exporter, read from its file: it need not be installed."""
    return catalogue([SOURCE], without=["openvino"]).exporter("openvino")


@pytest.fixture(scope="module")
def file(exporter):
    """A small model as OpenVINO."""
    with written(exporter, small_model()) as path:
        yield path


class TestOpenVino(ExporterSuite):
    @pytest.fixture
    def part(self, exporter) -> autotl.Exporter:
        return exporter


def test_float16_takes_half_the_space(exporter, file):
    with written(exporter, small_model(), "float16") as half:
        assert (half / "model.bin").stat().st_size < 0.6 * (file / "model.bin").stat().st_size


def test_the_folder_holds_the_network_and_its_labels(exporter, file):
    assert {each.name for each in file.iterdir()} == {"model.xml", "model.bin", "labels.json"}
    assert exporter.labels(file) == {"classes": NAMES, "image_size": [32, 32]}


def test_a_fresh_process_that_knows_no_keras_answers_as_keras_does(exporter, file):
    pixels = some_pictures(32).astype(np.uint8)
    expected = inference(small_model(), pixels.astype(np.float32))
    found = measure(Format("openvino", (str(SOURCE),), ("openvino",)), file, Sample(pixels, expected, None))
    assert objection(found, exporter.precisions["float32"]) == ""
    assert found.milliseconds_one_thread
    assert set(found.modules) & {"tensorflow", "keras"} == set()
