from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotl.data.dataset import SPLITS, Dataset, Picture
from autotl.data.leaks import Seen, leaked, of_pictures

KEYS = st.sampled_from([None, "a", "b", "c"])


def pictures(*rows):
    """Return a dataset of (split, twins, group)."""
    made = tuple(Picture(f"/{i}", 0, split, f"{i}", 9, 9, group, twins) for i, (split, twins, group) in enumerate(rows))
    return Dataset("/", ("cat",), made)


@given(st.lists(st.tuples(st.sampled_from(SPLITS), KEYS, KEYS), max_size=15))
def test_a_picture_leaks_when_an_earlier_part_has_its_twin_or_its_group(rows):
    dataset = pictures(*rows)
    for split in SPLITS:
        mine = [row for row in rows if row[0] == split]
        earlier = [row for row in rows if SPLITS.index(row[0]) < SPLITS.index(split)]
        expected = tuple(
            place
            for place, (_, twins, group) in enumerate(mine)
            if any((twins and twins == row[1]) or (group and group == row[2]) for row in earlier)
        )
        assert leaked(dataset, split) == expected


def test_each_set_is_told_under_the_gravest_that_is_true_of_it():
    rows = [
        ("a", "cat", "train", 0, 0), ("b", "cat", "train", 0, 0),  # copies for nothing
        ("c", "cat", "train", 2, 2), ("d", "dog", "train", 2, 2),  # two labels
        ("e", "cat", "train", 4, 4), ("f", "cat", "test", 4, 4),  # a leak
        ("g", "cat", "train", 6, 6), ("h", "cat", "train", 7, 6),  # nearly the same
        ("i", "cat", "train", 8, 8), ("j", "dog", "test", 9, 8),  # nearly the same, two labels, a leak
        ("k", "cat", "train", 10, 10),
    ]  # fmt: skip
    told = {finding.kind: finding.sets for finding in of_pictures([Seen(*row) for row in rows])}
    assert told == {
        "two_labels": (("c", "d"),),
        "leak": (("e", "f"),),
        "alike_labels": (("i", "j"),),
        "alike_leak": (("i", "j"),),
        "copies": (("a", "b"),),
        "alike": (("g", "h"),),
    }
