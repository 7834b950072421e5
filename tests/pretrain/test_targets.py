from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.pretrain.targets import _overlaps, depths_of, find_basis, fitted, teach
from autotl.transfer.network import Network

from ..troublemakers import Speck


@settings(max_examples=50, deadline=None)
@given(side=st.integers(1, 12), grid=st.integers(1, 12))
def test_each_place_of_a_grid_is_a_mean_of_what_lies_under_it(side, grid):
    shares = _overlaps(side, grid)
    assert shares.shape == (grid, side)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares.sum(axis=0), grid / side)


def test_a_map_fitted_to_a_grid_keeps_its_mean(rng):
    maps = rng.normal(size=(3, 4, 5, 2)).astype("float32")
    for grid in (1, 3, 4, 7):
        made = fitted(maps, grid)
        assert made.shape == (3, grid, grid, 2)
        np.testing.assert_allclose(made.mean(axis=(1, 2)), maps.mean(axis=(1, 2)), atol=1e-5)


def test_values_along_the_directions_have_a_mean_square_length_of_one(rng):
    vectors = (rng.normal(size=(4000, 6)) * [9, 5, 1, 0.5, 0.1, 0.01] + 3).astype("float32")
    basis = find_basis(vectors, most=2)
    assert np.square(basis(vectors)).sum(axis=1).mean() == pytest.approx(1.0, rel=0.02)
    assert basis.explained == pytest.approx((81 + 25) / (81 + 25 + 1 + 0.25 + 0.01), abs=0.01)
    assert basis(vectors[None, None]).shape == (1, 1, 4000, 2)


def test_a_teacher_heard_at_several_depths_says_something_of_each(rng):
    network = Network.build(Speck(), 32, "seeded")
    assert [cut.unfrozen_layers for cut in depths_of(network, 1)] == [0]
    cuts = depths_of(network, 3)
    assert [cut.work for cut in cuts] == pytest.approx([0, 1 / 3, 2 / 3], abs=0.2)
    pictures = rng.integers(0, 255, (48, 32, 32, 3)).astype("uint8")
    teacher = teach(network, pictures, grid=2, depths=3)
    said = teacher(pictures, np.zeros((48, 0), "float32"))
    assert said.shape == (48, *teacher.shape)
    assert len(teacher.bases) == 3
    shares, start = [], 0
    for basis in teacher.bases:
        part = said[..., start : start + len(basis.directions)].astype("float32")
        shares.append(np.square(part).sum(axis=-1).mean())
        start += len(basis.directions)
    assert shares == pytest.approx([1 / 3] * 3, rel=0.05)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
