from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl.builtin import download
from autotl.builtin.backbones import ROWS, scaled

BY_NAME = {row.name: row for row in ROWS}
FILE_224 = "mobilenet_2_5_224_tf_no_top.h5"
FILE_160 = "mobilenet_2_5_160_tf_no_top.h5"


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 3)).astype(np.float32)


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """An empty folder of weights, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(download, "_unreachable", {"storage.googleapis.com": "there is no network"})
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """A file like the published ones of the narrowest MobileNet, and the weights in it."""
    import keras

    model = keras.applications.MobileNet(include_top=False, weights=None, alpha=0.25, input_shape=(224, 224, 3))
    path = tmp_path_factory.mktemp("published") / "any.h5"
    model.save(path)
    return path, model.get_weights()


def same(model, weights: list[np.ndarray]) -> bool:
    pairs = zip(model.get_weights(), weights, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_every_network_of_keras_has_a_row():
    import keras

    factories = {name for name, value in vars(keras.applications).items() if callable(value)}
    assert len(factories) >= 40
    assert {row.factory for row in ROWS} == factories


def test_names_are_unique_and_say_the_width():
    assert len(BY_NAME) == len(ROWS)
    narrow = {name for name, row in BY_NAME.items() if row.alpha is not None}
    assert narrow == {f"{base}_{alpha}" for base in ("mobilenet", "mobilenet_v2") for alpha in (0.5, 0.75)} | {
        "mobilenet_0.25",
        "mobilenet_v2_0.35",
    }


@pytest.mark.parametrize(
    ("mode", "module"), [("tf", "mobilenet_v2"), ("caffe", "resnet"), ("torch", "densenet"), ("inside", "convnext")]
)
def test_pixels_are_scaled_as_keras_scales_them(mode, module, pixels, tmp_path):
    import keras

    image = keras.Input((40, 40, 3))
    model = keras.Model(image, keras.layers.Identity()(scaled(image, mode)))
    model.save(tmp_path / "scaled.keras")
    again = keras.models.load_model(tmp_path / "scaled.keras", safe_mode=True)
    wanted = getattr(keras.applications, module).preprocess_input(pixels.copy())
    for each in (model, again):
        np.testing.assert_allclose(np.asarray(each(pixels)), wanted, atol=1e-5)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_scales_as_its_own_module_does(row, pixels):
    import keras

    modules = {
        "EfficientNetV2": "efficientnet_v2", "EfficientNetB": "efficientnet", "ConvNeXt": "convnext", "VGG16": "vgg16",
        "MobileNetV3": "mobilenet_v3", "MobileNetV2": "mobilenet_v2", "MobileNet": "mobilenet", "VGG19": "vgg19",
        "InceptionV3": "inception_v3", "InceptionResNetV2": "inception_resnet_v2", "Xception": "xception",
        "NASNet": "nasnet", "DenseNet": "densenet",
    }  # fmt: skip
    found = next((module for start, module in modules.items() if row.factory.startswith(start)), None)
    module = found or ("resnet_v2" if row.factory.endswith("V2") else "resnet")
    image = keras.Input((40, 40, 3))
    model = keras.Model(image, keras.layers.Identity()(scaled(image, row.pixels)))
    wanted = getattr(keras.applications, module).preprocess_input(pixels.copy())
    np.testing.assert_allclose(np.asarray(model(pixels)), wanted, atol=1e-5)


def test_published_weights_serve_any_size(models, published):
    path, weights = published
    shutil.copy(path, models / FILE_224)
    assert same(BY_NAME["mobilenet_0.25"].build(40, weights="imagenet"), weights)
    assert same(BY_NAME["mobilenet_0.25"].build(128, weights="imagenet"), weights)


def test_weights_of_another_resolution_serve_where_they_are_all_there_is(models, published):
    path, weights = published
    shutil.copy(path, models / FILE_160)
    assert same(BY_NAME["mobilenet_0.25"].build(40, weights="imagenet"), weights)


def test_a_file_of_ones_own_serves_too(models, published):
    path, weights = published
    assert same(BY_NAME["mobilenet_0.25"].build(40, weights=str(path)), weights)


def test_the_network_gives_what_keras_gives(models, published, pixels):
    import keras

    path, weights = published
    plain = keras.applications.MobileNet(include_top=False, weights=None, alpha=0.25, input_shape=(40, 40, 3))
    plain.set_weights(weights)
    wanted = plain(keras.applications.mobilenet.preprocess_input(pixels.copy()), training=False)
    ours = BY_NAME["mobilenet_0.25"].build(40, weights=str(path))
    np.testing.assert_allclose(np.asarray(ours(pixels, training=False)), np.asarray(wanted), atol=1e-5)


def test_weights_that_cannot_be_had_say_how_to_get_them(models):
    with pytest.raises(autotl.WeightsError) as caught:
        BY_NAME["resnet50"].build(32, weights="imagenet")
    text = str(caught.value)
    assert "\n" not in text
    assert "'resnet50' are not here and cannot be downloaded (there is no network)" in text
    assert "Put resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5 from https://" in text
    assert str(models) in text
    assert "--weights resnet50=PATH" in text


def test_a_mobilenet_asks_for_its_largest_resolution(models):
    with pytest.raises(autotl.WeightsError, match=f"Put {FILE_224} from https://.*/{FILE_224} into"):
        BY_NAME["mobilenet_0.25"].build(128, weights="imagenet")


def test_a_broken_file_in_the_cache_is_named(models, published):
    path, _ = published
    (models / FILE_224).write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(autotl.WeightsError, match=f"{FILE_224} is damaged; there is no network"):
        BY_NAME["mobilenet_0.25"].build(40, weights="imagenet")


def test_a_cached_file_with_the_wrong_hash_is_not_used(models, published):
    path, _ = published
    shutil.copy(path, models / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
    with pytest.raises(autotl.WeightsError, match=r"notop\.h5 is damaged; there is no network"):
        BY_NAME["vgg16"].build(32, weights="imagenet")


def test_a_file_of_another_network_is_named(models, published):
    path, _ = published
    with pytest.raises(autotl.WeightsError, match=r"any\.h5 does not fit the backbone 'vgg16'"):
        BY_NAME["vgg16"].build(32, weights=str(path))


def test_keras_gets_its_own_loader_back(models):
    import keras
    from keras.src.utils import file_utils

    assert file_utils.__name__ == keras.utils.get_file.__module__
    with pytest.raises(autotl.WeightsError):
        BY_NAME["vgg16"].build(32, weights="imagenet")
    assert file_utils.get_file is keras.utils.get_file


def test_an_efficientnet_is_built_alike_for_a_file_and_as_published(models):
    import keras

    plain = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.save(models / "mine.h5")
    ours = BY_NAME["efficientnet_b0"].build(32, weights=str(models / "mine.h5"))
    scalings = [layer for layer in ours.layers if isinstance(layer, keras.layers.Rescaling)]
    assert len(scalings) == 2  # the second belongs to the published weights


@pytest.mark.slow
def test_a_nasnet_takes_its_weights_at_any_size(models):
    import keras

    plain = keras.applications.NASNetMobile(include_top=False, weights=None, input_shape=(224, 224, 3))
    plain.save(models / "mine.h5")
    ours = BY_NAME["nasnet_mobile"].build(64, weights=str(models / "mine.h5"))
    assert ours.input_shape == (None, 64, 64, 3)
    assert same(ours, plain.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_parameters_and_smallest_size_are_told_rightly(row):
    import keras

    model = row.build(row.min_size, weights="random")
    assert model.count_params() == row.parameters
    assert 0 not in model.output_shape[1:]
    keras.backend.clear_session()
