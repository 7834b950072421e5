from __future__ import annotations

import numpy as np
import pytest

from autotl.deployable import deployable


@pytest.fixture(scope="module")
def parts():
    """An input for pictures of any size, and the layers of a small network that takes one."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    return [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.GlobalAveragePooling2D(), layers.Dense(2)]


def model(layers, size=(8, 8)):
    import keras

    x = pixels = keras.Input((*size, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(pixels, x)


def pictures():
    return np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def names(made) -> list[str]:
    inner = [layer for layer in made.layers if hasattr(layer, "layers")]
    return [type(layer).__name__ for layer in made.layers] + [name for each in inner for name in names(each)]


def test_a_model_that_needs_no_mending_is_left_alone(parts):
    plain = model(parts)
    assert deployable(plain, (8, 8)) is plain


def test_pictures_of_any_size_become_pictures_of_one(parts):
    made = deployable(model(parts, (None, None)), (8, 8))
    assert made.input_shape == (None, 8, 8, 3)
    np.testing.assert_allclose(made.predict_on_batch(pictures()), model(parts).predict_on_batch(pictures()), rtol=1e-5)


def test_augmentation_does_not_reach_the_graph_even_nested(parts):
    import keras

    random = keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomRotation(0.5)])
    made = deployable(model([random, *parts]), (8, 8))
    assert not [name for name in names(made) if name.startswith("Random")]
    np.testing.assert_allclose(made.predict_on_batch(pictures()), model(parts).predict_on_batch(pictures()), rtol=1e-5)


def test_a_graph_with_resizing_stays_at_inference(parts):
    import keras
    import tensorflow as tf

    made = deployable(model([keras.layers.Resizing(6, 6), *parts]), (8, 8))
    expected = made.predict_on_batch(pictures())
    graph = tf.function(lambda given: made(given))  # as exporters call it: without a word on training
    for _ in range(2):  # in training mode, the first call would change what the second one answers
        np.testing.assert_allclose(graph(pictures()).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_with_a_group_for_each_channel_becomes_depthwise():
    import keras

    keras.utils.set_random_seed(2)
    settings = {"padding": "same", "groups": 4, "bias_initializer": "random_normal", "name": "wide"}
    plain = model([keras.layers.Conv2D(4, 1), keras.layers.Conv2D(4, (5, 3), activation="relu", **settings)])
    made = deployable(plain, (8, 8))
    assert "DepthwiseConv2D" in names(made)
    np.testing.assert_allclose(
        made.predict_on_batch(pictures()), plain.predict_on_batch(pictures()), rtol=1e-4, atol=1e-4
    )
