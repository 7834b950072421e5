from __future__ import annotations

import numpy as np
import pytest

from autotl.errors import PluginError
from autotl.transfer import cuts

APPLICATIONS = [
    ("MobileNetV2", 64),
    ("EfficientNetV2B0", 64),
    ("ResNet50V2", 64),
    ("InceptionV3", 96),
    ("DenseNet121", 64),
    ("ConvNeXtTiny", 64),
    ("VGG16", 64),
]


def application(name: str, size: int):
    import keras

    keras.utils.set_random_seed(1)
    factory = getattr(keras.applications, name)
    return factory(include_top=False, weights=None, input_shape=(size, size, 3))


def output(model, pixels):
    import keras

    return keras.ops.convert_to_numpy(model(pixels, training=False))


@pytest.mark.parametrize(("name", "size"), APPLICATIONS)
def test_prefix_and_suffix_equal_the_whole_at_several_cuts(name, size, rng):
    import keras

    model = application(name, size)
    found = cuts.find(model)
    pixels = rng.uniform(0, 255, (2, size, size, 3)).astype("float32")
    whole = output(model, pixels)
    for place in (1, len(found) // 3, 2 * len(found) // 3):
        cut = found[place]
        prefix, suffix = keras.Model(model.input, cut.tensor), keras.Model(cut.tensor, model.output)
        again = output(suffix, output(prefix, pixels))
        np.testing.assert_allclose(again, whole, rtol=1e-5, atol=1e-5 * np.abs(whole).max())
        layers = [layer for layer in suffix.layers if layer in model.layers]
        assert len(layers) == cut.unfrozen_layers


@pytest.mark.parametrize(("name", "size"), APPLICATIONS[:1] + APPLICATIONS[-1:])
def test_cuts_run_from_the_output_to_the_input_and_a_few_are_offered(name, size):
    model = application(name, size)
    found = cuts.find(model)
    counts = [cut.unfrozen_layers for cut in found]
    assert counts == sorted(set(counts))
    assert found[0].tensor is model.output
    assert found[-1].tensor is model.input
    assert counts[-1] == len(model.layers) - 1  # all but the input layer
    offered = cuts.offered(found)
    assert offered[0] == 0
    assert 3 <= len(offered) <= cuts.OFFERED + 1
    assert set(offered) <= set(counts)


def test_a_count_is_snapped_down_to_a_cut():
    assert cuts.snap(15, (0, 11, 20)) == 11
    assert cuts.snap(20, (0, 11, 20)) == 20
    assert cuts.snap(3, (0, 11, 20)) == 0
    assert cuts.snap(10_000, (0, 11, 20)) == 20


def test_a_nested_model_is_laid_open(rng):
    import keras

    inner_input = keras.Input((8, 8, 3))
    inner = keras.Model(inner_input, keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(inner_input)))
    outer_input = keras.Input((8, 8, 3))
    outer = keras.Model(outer_input, keras.layers.ReLU()(inner(keras.layers.Rescaling(1 / 255)(outer_input))))
    opened = cuts.inline(outer)
    assert len(cuts.find(outer)) == 4
    assert len(cuts.find(opened)) == 5
    pixels = rng.uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(output(opened, pixels), output(outer, pixels), rtol=1e-6)


def test_a_model_that_is_not_functional_is_refused():
    import keras

    class Own(keras.Model):
        def call(self, pixels):
            return pixels

    with pytest.raises(PluginError, match="not a functional Keras model"):
        cuts.find(Own())


def test_the_outline_of_a_graph_does_not_depend_on_generated_names():
    import keras

    def build(units: int):
        pixels = keras.Input((4, 4, 3))
        x = keras.ops.flip(keras.layers.Conv2D(units, 1)(pixels), axis=-1)
        return keras.Model(pixels, keras.layers.Add()([x, x]))

    assert cuts.outline(build(2)) == cuts.outline(build(2))
    assert cuts.outline(build(2)) != cuts.outline(build(3))


def test_the_lowest_cut_is_the_pictures_even_where_a_bare_operation_comes_first():
    """As in networks whose weights expect blue before red: what they flip is no picture any more."""
    import keras

    pixels = keras.Input((8, 8, 3))
    flipped = keras.ops.flip(pixels, axis=-1)
    first = keras.layers.Conv2D(4, 3)(keras.ops.subtract(flipped, 100.0))
    model = keras.Model(pixels, keras.layers.ReLU()(first))
    found = cuts.find(model)
    assert found[-1].tensor is pixels
    assert [cut.unfrozen_layers for cut in found] == [0, 1, 2]
