from __future__ import annotations

from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autotl.data.check import Checked
from autotl.data.listing import Entry
from autotl.data.usable import Usable, held_back, units

GROUPS = st.sampled_from([None, None, "p", "q"])
SPLITS = st.sampled_from([None, "train", "valid", "test"])


@st.composite
def files(draw):
    """Return files whose copies have one content or several, and whose near sets hold whole sets of copies."""
    made = []
    for number, (exact, group, split) in enumerate(
        draw(st.lists(st.tuples(st.integers(0, 6), GROUPS, SPLITS), max_size=14))
    ):
        digest = f"{exact}" if draw(st.booleans()) else f"{exact} {number}"
        made.append(Usable(Entry(Path(f"{number}.png"), "cat", split, group), Checked(digest, 9, 9), exact, exact // 2))
    return made


@given(files())
def test_what_shows_the_same_or_shares_a_group_is_one_unit(made):
    names = units(made, keep_duplicates=False)
    for (one, name), (other, its) in combinations(zip(made, names, strict=True), 2):
        if one.near == other.near or (one.entry.group and one.entry.group == other.entry.group):
            assert name == its
    assert len(set(names)) <= len({each.near for each in made})


@given(files())
def test_copies_that_are_to_be_kept_go_their_own_way(made):
    names = units(made, keep_duplicates=True)
    for (one, name), (other, its) in combinations(zip(made, names, strict=True), 2):
        assert (name == its) == bool(one.entry.group and one.entry.group == other.entry.group)


@given(files())
def test_training_pictures_with_a_copy_in_a_later_part_are_held_back(made):
    held = held_back(made)
    for place, each in enumerate(made):
        later = {f.entry.split for f in made if f.exact == each.exact} & {"valid", "test"}
        assert (place in held) == (each.entry.split == "train" and bool(later))
        assert held.get(place, "test" if "test" in later else "valid") == ("test" if "test" in later else "valid")
