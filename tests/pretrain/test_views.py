from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autotl.pretrain.settings import make
from autotl.pretrain.sources import find
from autotl.pretrain.targets import Labels
from autotl.pretrain.views import PLAIN, Views, draw, mixed, recoloured, resized
from autotl.transfer.store import FeatureStore

from .. import pictures


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300), side=st.integers(8, 64), seed=st.integers(0, 1000))
def test_a_crop_of_any_picture_has_the_side_asked_for(width, height, side, seed):
    picture = Image.new("RGB", (width, height), (200, 100, 50))
    one, same = (draw(picture, side, np.random.default_rng(seed)) for _ in range(2))
    assert one.shape == (side, side, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)


def test_colours_change_and_shapes_do_not():
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 190, (16, 16, 3)).astype(np.uint8)
    made = recoloured(pixels, rng).astype(float)
    assert abs(made - pixels).mean() > 1
    assert np.corrcoef(made.mean(axis=2).ravel(), pixels.mean(axis=2).ravel())[0, 1] > 0.9


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_a_mixed_picture_bears_the_labels_of_both_by_their_parts(share, seed):
    colours = np.arange(4, dtype=np.uint8)
    block = np.broadcast_to(colours[:, None, None, None], (4, 20, 20, 3)).copy()
    labels = np.eye(4, dtype=np.float32)
    mixed(block, labels, share, np.random.default_rng(seed))
    parts = np.stack([(block[..., 0] == colour).mean(axis=(1, 2)) for colour in colours], axis=1)
    np.testing.assert_allclose(labels, parts, atol=1e-6)


def test_views_are_computed_once_and_differ(tmp_path):
    source = pictures.write(tmp_path / "data", each=20, size=40)
    config = make(sources=(str(source),), out="x.keras", image_size=32, epochs=1)
    sources = find(config.sources, labelled=True, generated=0, seed=0)
    views = Views(config, sources, Labels(2, 32), FeatureStore(tmp_path / "store", 10**9))
    told = []
    one, labels = views.view(0, lambda done, total: told.append((done, total)))
    assert one.shape == (views.size, 32, 32, 3)
    assert told[-1] == (views.size, views.size)
    np.testing.assert_allclose(np.asarray(labels, np.float32).sum(axis=1), 1.0, atol=1e-3)
    again, _ = views.view(0, lambda done, total: pytest.fail("it is there already"))
    np.testing.assert_array_equal(one, again)
    other, _ = views.view(1, lambda done, total: None)
    assert (one != other).any()
    held, _ = views.view(PLAIN, lambda done, total: None)
    assert len(held) == len(sources.valid) > 0
    assert not set(sources.train) & set(sources.valid)


def test_made_up_pictures_join_each_view_anew(tmp_path):
    source = pictures.write(tmp_path / "data", each=12, size=40)
    config = make(sources=(str(source),), out="x.keras", teacher="scattering", image_size=32, generated=3, epochs=1)
    sources = find(config.sources, labelled=False, generated=3, seed=0)
    views = Views(config, sources, Labels(0, 32), FeatureStore(tmp_path / "store", 10**9))
    first, second = (views.view(number, lambda done, total: None)[0] for number in (0, 1))
    assert len(first) == len(sources.train) + 3
    assert (first[-3:] != second[-3:]).any(axis=(1, 2, 3)).all()


def test_resizing_to_the_same_side_changes_nothing():
    block = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3)).astype(np.uint8)
    assert resized(block, 24) is block
    assert resized(block, 12).shape == (2, 12, 12, 3)
