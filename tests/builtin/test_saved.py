from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl.plugins import catalogue
from autotl.testing import BackboneSuite


def network(side: int = 32):
    import keras

    image = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(image, keras.layers.BatchNormalization()(x))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "my net.keras"
    network().save(path)
    return path


class TestSaved(BackboneSuite):
    @pytest.fixture
    def part(self, file):
        return autotl.SavedBackbone(file)


def test_a_file_is_a_backbone_by_its_name(file):
    found = catalogue([file])
    part = found.backbone("my_net")
    assert (part.image_size, part.weights) == (32, "file")
    assert found.offers["backbone"]["my_net"].plugin == "my net"


def test_any_size_of_picture_meets_the_same_weights(file):
    part = autotl.SavedBackbone(file)
    small, large = part.build(32), part.build(64)
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert large.output_shape == (None, 32, 32, 4)
    random = part.build(32, weights="random")
    assert any((a != b).any() for a, b in zip(small.get_weights(), random.get_weights(), strict=True))


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path):
    with pytest.raises(autotl.WeightsError, match="There is no file"):
        autotl.SavedBackbone(tmp_path / "missing.keras")
    (tmp_path / "text.keras").write_text("no network")
    with pytest.raises(autotl.WeightsError, match="not a network that Keras saved"):
        autotl.SavedBackbone(tmp_path / "text.keras")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(autotl.PluginError, match=r"empty\.keras cannot be used"):
        catalogue([tmp_path / "empty.keras"])


def test_a_network_that_ends_in_classes_is_refused(tmp_path):
    import keras

    base = network()
    keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(base.output)).save(tmp_path / "flat.keras")
    with pytest.raises(autotl.WeightsError, match=r"expected .*rows, columns, channels"):
        autotl.SavedBackbone(tmp_path / "flat.keras").build(32)


def test_code_in_a_file_is_not_run(tmp_path):
    import keras

    image = keras.Input((16, 16, 3))
    keras.Model(image, keras.layers.Lambda(lambda x: x * 2)(image)).save(tmp_path / "sly.keras")
    with pytest.raises(autotl.WeightsError, match="it holds code"):
        autotl.SavedBackbone(tmp_path / "sly.keras").build(16)
