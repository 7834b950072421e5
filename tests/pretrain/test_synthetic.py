from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.pretrain import synthetic


@settings(max_examples=30, deadline=None)
@given(side=st.integers(16, 200), seed=st.integers(0, 10**6))
def test_a_seed_gives_one_picture_of_the_size_asked_for(side, seed):
    one, same = synthetic.generate(side, (seed, 1)), synthetic.generate(side, (seed, 1))
    assert (one.size, one.mode) == ((side, side), "RGB")
    np.testing.assert_array_equal(np.asarray(one), np.asarray(same))
    assert (np.asarray(one) != np.asarray(synthetic.generate(side, (seed, 2)))).any()


@pytest.mark.parametrize("kind", [synthetic.dead_leaves, synthetic.clouds, synthetic.gratings, synthetic.letters])
def test_each_kind_shows_something(kind):
    pictures = [np.asarray(kind(96, np.random.default_rng(seed))) for seed in range(8)]
    assert all(picture.std() > 1 for picture in pictures)
    assert np.mean([picture.std() for picture in pictures]) > 15


def test_small_leaves_are_more_frequent_than_large_ones():
    random = np.random.default_rng(0)
    radii = np.array([synthetic._radius(random, 2.5) for _ in range(2000)])
    assert radii.min() >= synthetic._SMALLEST
    assert radii.max() <= synthetic._LARGEST
    assert np.median(radii) < 0.1
