from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.transfer.cuts import Cut
from autotl.transfer.planner import Plan

TOP, MIDDLE, EARLY, PIXELS = (
    Cut("top", 0, True, 1_000, 0.0),
    Cut("middle", 20, True, 4_000, 0.3),
    Cut("early", 80, True, 200_000, 0.9),
    Cut("pixels", 100, False, 75_000, 1.0),
)
CUTS = (TOP, MIDDLE, EARLY, PIXELS)
ROOM = 10**12


def test_a_small_tensor_right_below_the_unfrozen_layers_is_kept():
    assert Plan(100, 10, ROOM).cached(CUTS, TOP) is TOP
    assert Plan(100, 10, ROOM).cached(CUTS, MIDDLE) is MIDDLE


def test_a_tensor_that_takes_longer_to_read_than_to_compute_is_not():
    assert Plan(100, 10, ROOM, pace=1e-4).cached(CUTS, EARLY) is PIXELS


def test_a_tensor_too_large_for_the_quota_is_computed_again_from_a_lower_one():
    quota = 10 * 2 * MIDDLE.size * 100
    assert Plan(100, 10, quota).cached(CUTS, MIDDLE) is MIDDLE
    assert Plan(1000, 10, quota).cached(CUTS, MIDDLE) is PIXELS
    assert Plan(1000, 10, 1).cached(CUTS, TOP) is PIXELS


def test_what_a_pass_yields_by_the_way_is_kept_from_the_top_down_while_it_is_little():
    assert Plan(100, 1, ROOM).extras(CUTS[:3], PIXELS) == [TOP, MIDDLE, EARLY]
    assert Plan(100, 1, ROOM).extras(CUTS[:3], EARLY) == [TOP, MIDDLE]
    assert Plan(100, 1, 20 * 2 * 5_000 * 100).extras(CUTS[:3], PIXELS) == [TOP, MIDDLE]


@given(
    st.integers(1, 10**6), st.integers(1, 100), st.integers(1, 10**12), st.floats(1e-5, 1.0), st.sampled_from(CUTS[:3])
)
def test_what_is_kept_lies_at_or_below_the_unfrozen_layers_and_within_the_quota(count, epochs, quota, pace, unfrozen):
    cut = Plan(count, epochs, quota, pace).cached(CUTS, unfrozen)
    assert cut.unfrozen_layers >= unfrozen.unfrozen_layers
    assert cut is PIXELS or 2 * cut.size * count <= quota / 4


@pytest.mark.parametrize("noise", [0.8, 1.2])
def test_the_noise_of_a_measurement_does_not_change_the_choice(noise):
    one, other = Plan(100, 10, ROOM, pace=4e-3), Plan(100, 10, ROOM, pace=4e-3 * noise)
    for cut in CUTS[:3]:
        assert one.cached(CUTS, cut) is other.cached(CUTS, cut)
