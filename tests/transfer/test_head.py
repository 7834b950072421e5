from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autotl.transfer.cuts import nodes
from autotl.transfer.head import moments, split, standardised

CLASSES = 3


def head(shape, *layers):
    """Return a head of some layers and a linear one, split."""
    import keras

    feature_map = keras.Input(shape)
    made = feature_map
    for layer in layers:
        made = layer(made)
    return split(standardised(keras.Model(feature_map, keras.layers.Dense(CLASSES, name="logits")(made))))


def at_logits(built, rows):
    """Return what the last layer of a head reads."""
    import keras

    tensor = next(node.input_tensors[0] for node in nodes(built.rest) if node.operation.name == "logits")
    return np.asarray(keras.Model(built.rest.input, tensor)(rows, training=True))


def test_channels_are_centred_and_keep_their_spreads_relative_to_each_other(rng):
    import keras

    built = head((2, 2, 4), keras.layers.GlobalAveragePooling2D())
    rows = (rng.normal(size=(500, 4)) * [1, 2, 4, 8] + 5).astype("float32")
    built.standardise(rows, np.arange(500))
    made = at_logits(built, rows)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
    assert made.std() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(made.std(axis=0) / rows.std(axis=0), made.std() / np.sqrt(rows.var(axis=0).mean()), 1e-3)


def test_the_model_and_its_parts_agree_with_and_without_a_stem(rng):
    import keras

    maps = rng.normal(3.0, 2.0, (8, 2, 2, 4)).astype("float32")
    for first in (keras.layers.GlobalMaxPooling2D(), keras.layers.Flatten()):
        built = head((2, 2, 4), first)
        stem = maps if built.stem is None else np.asarray(built.stem(maps))
        before = np.asarray(built.model(maps))
        built.standardise(stem, np.arange(8))
        after = np.asarray(built.model(maps))
        assert np.abs(after - before).max() > 0.1
        np.testing.assert_allclose(after, np.asarray(built.rest(stem)), atol=1e-5)


def test_a_head_that_pools_by_bare_operations_has_a_stem_as_well(rng):
    import keras

    def generalised_mean(maps):
        return keras.ops.power(keras.ops.mean(keras.ops.power(maps, 3.0), axis=(1, 2)), 1 / 3)

    built = head((2, 2, 4), generalised_mean)
    maps = rng.uniform(0.1, 2.0, (8, 2, 2, 4)).astype("float32")
    stem = np.asarray(built.stem(maps))
    np.testing.assert_allclose(stem, (maps**3).mean(axis=(1, 2)) ** (1 / 3), rtol=1e-5)
    built.standardise(stem, np.arange(8))  # behind the root, which bears no values below 0
    assert np.isfinite(np.asarray(built.model(maps))).all()
    np.testing.assert_allclose(np.asarray(built.model(maps)), np.asarray(built.rest(stem)), atol=1e-5)


def test_training_never_moves_it_and_a_reset_keeps_it(rng):
    import keras

    built = head((4,))
    rows = rng.normal(7.0, 3.0, (64, 4)).astype("float32")
    built.standardise(rows, np.arange(64))
    first = [np.array(value) for value in built.first_values]
    built.rest.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    built.rest.train_on_batch(rows, np.ones((64, CLASSES)))
    assert [weight.shape for weight in built.rest.trainable_weights] == [(4, CLASSES), (CLASSES,)]
    np.testing.assert_allclose(at_logits(built, rows).mean(axis=0), 0, atol=1e-4)
    built.reset()
    for now, then in zip(built.model.variables, first, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(now), then)


@settings(max_examples=50, deadline=None)
@given(
    rows=arrays.arrays(
        np.float16,
        st.tuples(st.integers(1, 150), st.integers(1, 3), st.integers(1, 5)),
        elements=st.floats(-50, 50, width=16),
    )
)
def test_moments_are_those_of_all_rows_where_there_are_few(rows):
    mean, spread = moments(rows, np.arange(len(rows)))
    wide = rows.astype(np.float64).reshape(-1, rows.shape[-1])
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-5, atol=1e-5)
    expected = np.sqrt(wide.var(axis=0).mean())
    assert spread == pytest.approx(expected if expected > 1e-5 else spread, rel=1e-2)


def test_features_that_are_all_alike_are_only_centred():
    mean, spread = moments(np.full((10, 3), 4.0, np.float32), np.arange(10))
    assert (mean == 4.0).all()
    assert spread == 1.0


def test_only_the_rows_asked_for_count():
    rows = np.array([[0.0], [100.0], [2.0]], np.float32)
    assert moments(rows, np.array([0, 2]))[0] == 1.0
