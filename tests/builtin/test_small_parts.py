"""Heads, augmentations and the exporter, beyond what the conformance suites demand."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from autotl.builtin.augmentations import Classic, Colour, FlipCrop, Nothing, RandAugment
from autotl.builtin.exporters import KerasExporter
from autotl.builtin.heads import FlattenDense, Linear, TwoDense, gem
from autotl.testing.materials import numbers, small_model, some_pictures

CHANGING = [FlipCrop(), Classic(), Colour(), RandAugment()]


def dense_layers(part, **values) -> list[int]:
    import keras

    features = keras.Input((4, 4, 8))
    model = keras.Model(features, part.build(5, **values)(features))
    return [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def test_heads_have_the_layers_they_were_asked_for():
    assert dense_layers(Linear(), pooling="gem", dropout=0.0) == [5]
    assert dense_layers(TwoDense(), pooling="max", units=512, second_units=256, dropout=0.5) == [512, 256, 5]
    assert dense_layers(FlattenDense(), units=4096, dropout=0.5) == [4096, 5]


def test_gem_lies_between_average_and_maximum():
    features = np.random.default_rng(0).uniform(0.1, 1, (4, 3, 5, 6)).astype(np.float32)
    pooled = numbers(gem(features))
    assert (features.mean(axis=(1, 2)) < pooled).all()
    assert (pooled < features.max(axis=(1, 2))).all()


def test_gem_bears_features_that_are_zero_or_less():
    pooled = numbers(gem(np.array([[[[0.0, -3.0]]]], np.float32)))
    assert np.isfinite(pooled).all()


@pytest.mark.parametrize("part", CHANGING, ids=lambda part: part.name)
def test_stronger_is_further_from_the_picture(part):
    import keras

    ramp = some_pictures(48)[1:2] * 0.6 + 40
    ramp[:, 10:20, 10:20] = (200, 30, 60)  # something to move and to recolour
    pictures = np.repeat(ramp, 64, axis=0)
    change = {}
    for strength in part.space["strength"].options:
        keras.utils.set_random_seed(5)
        change[strength] = np.abs(numbers(part.build(strength=strength)(pictures)) - pictures).mean()
    assert 0 < change["light"] < change["strong"]


@pytest.mark.parametrize("part", CHANGING, ids=lambda part: part.name)
def test_each_picture_is_changed_in_its_own_way(part):
    import keras

    keras.utils.set_random_seed(5)
    pictures = np.repeat(some_pictures(32)[:1], 8, axis=0)
    drawn = numbers(part.build(strength="strong")(pictures))
    assert len({each.tobytes() for each in drawn}) >= 6


def test_none_changes_nothing():
    np.testing.assert_array_equal(numbers(Nothing().build()(some_pictures(32), training=True)), some_pictures(32))


def test_the_labels_lie_inside_the_file(tmp_path):
    import keras

    path = KerasExporter().write(small_model(), tmp_path / "model.keras", classes=["ant", "größe"])
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("labels.json")) == {"classes": ["ant", "größe"], "image_size": [32, 32]}
    assert keras.models.load_model(path).output_shape == (None, 3)


def test_an_export_replaces_an_older_one(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    KerasExporter().write(small_model(), path, classes=["a", "b", "c"])
    assert zipfile.is_zipfile(path)
