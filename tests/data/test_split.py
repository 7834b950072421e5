from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.data.split import Row, assign
from autotl.errors import DataError

FRACTIONS = st.floats(0.01, 0.89)


def parts(rows, grouped=False, valid_split=0.2, test_split=None, seed=0):
    shares = assign(rows, grouped=grouped, valid_split=valid_split, test_split=test_split, seed=seed)
    return shares, Counter((row.label, split) for row, split in zip(rows, shares.splits, strict=True))


def pictures(*counts, given=None):
    """Return rows of classes 0, 1, … of these sizes, every content its own."""
    return [Row(label, f"{label}-{n:05}", given) for label, count in enumerate(counts) for n in range(count)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(2, 60), min_size=2, max_size=5), FRACTIONS, FRACTIONS | st.none(), st.integers(0, 99))
def test_every_class_of_two_is_in_train_and_valid(counts, valid_split, test_split, seed):
    _, found = parts(pictures(*counts), valid_split=valid_split, test_split=test_split, seed=seed)
    for label, count in enumerate(counts):
        assert found[label, "train"] >= 1
        assert found[label, "valid"] >= 1
        assert sum(found[label, split] for split in ("train", "valid", "test")) == count
        assert (found[label, "test"] >= 1) == (count > 2)


@settings(deadline=None, max_examples=40)
@given(st.permutations(pictures(9, 14)), st.integers(0, 9))
def test_the_order_of_pictures_does_not_matter(rows, seed):
    def of(rows):
        splits = assign(rows, grouped=False, valid_split=0.2, test_split=None, seed=seed).splits
        return {row.unit: split for row, split in zip(rows, splits, strict=True)}

    assert of(rows) == of(pictures(9, 14))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), min_size=30, max_size=60),
    st.floats(0.05, 0.8),
    st.integers(0, 99),
)
def test_a_group_is_never_in_two_parts(pairs, valid_split, seed):
    rows = [Row(label, f"g{group}") for label, group in pairs]
    if len({row.unit for row in rows}) < 3:
        return
    shares, _ = parts(rows, grouped=True, valid_split=valid_split, seed=seed)
    where: dict[str, set[str]] = {}
    for row, split in zip(rows, shares.splits, strict=True):
        where.setdefault(row.unit, set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    assert {"train", "valid"} <= set(shares.splits)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25)), min_size=10, max_size=60),
    st.floats(0.05, 0.8),
    st.integers(0, 99),
)
def test_pictures_of_one_unit_stay_together_even_under_several_labels(pairs, fraction, seed):
    rows = [Row(label, f"u{unit}") for label, unit in pairs]
    shares, _ = parts(rows, valid_split=fraction, test_split=fraction / 2, seed=seed)
    where: dict[str, set[str]] = {}
    for row, split in zip(rows, shares.splits, strict=True):
        where.setdefault(row.unit, set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())


@pytest.mark.parametrize("seed", range(20))
def test_a_class_of_one_unit_stays_in_train_though_a_larger_class_shares_it(seed):
    rows = [*pictures(6), Row(1, "0-00000"), Row(1, "0-00000")]
    assert parts(rows, valid_split=0.5, seed=seed)[1][1, "train"] == 2


def test_copies_of_a_picture_stay_together():
    rows = [Row(label, f"{label}-{n // 2}") for label in (0, 1) for n in range(20)]
    shares, _ = parts(rows)
    assert all(shares.splits[i] == shares.splits[i + 1] for i in range(0, 40, 2))


def test_without_any_split_valid_and_test_are_drawn_in_proportion():
    shares, found = parts(pictures(100, 200))
    assert (shares.made_valid, shares.made_test) == (True, True)
    assert (found[0, "test"], found[1, "test"]) == (15, 30)
    assert (found[0, "valid"], found[1, "valid"]) == (17, 34)


def test_a_test_split_of_nought_means_none():
    shares, found = parts(pictures(10, 10), test_split=0.0)
    assert not shares.made_test
    assert (found[0, "valid"], found[0, "train"]) == (2, 8)


def test_given_splits_are_kept_and_no_test_is_drawn_unless_asked_for():
    rows = [*pictures(10, 10, given="train"), Row(0, "a", "valid"), Row(1, "b", "valid")]
    shares, found = parts(rows)
    assert (shares.made_valid, shares.made_test) == (False, False)
    assert found == {(0, "train"): 10, (1, "train"): 10, (0, "valid"): 1, (1, "valid"): 1}
    shares, found = parts(rows, test_split=0.2)
    assert (shares.made_valid, shares.made_test) == (False, True)
    assert (found[0, "test"], found[0, "train"], found[0, "valid"]) == (2, 8, 1)


def test_valid_is_drawn_from_train_when_only_a_test_part_is_given():
    rows = [*pictures(10, 10, given="train"), Row(0, "a", "test"), Row(1, "b", "test")]
    shares, found = parts(rows, test_split=0.5)
    assert (shares.made_valid, shares.made_test) == (True, False)
    assert (found[0, "test"], found[0, "valid"], found[0, "train"]) == (1, 2, 8)


def test_another_seed_gives_another_split():
    assert parts(pictures(50, 50), seed=1)[0].splits != parts(pictures(50, 50), seed=2)[0].splits


def test_groups_are_shared_out_in_proportion():
    rows = [Row(n % 2, f"patient {n // 10:02}") for n in range(400)]
    _, found = parts(rows, grouped=True, test_split=0.25)
    assert (found[0, "test"], found[0, "valid"]) == (50, 30)


def test_two_groups_make_train_and_valid_and_no_test_unless_asked_for():
    rows = [Row(n % 2, f"patient {n // 10}") for n in range(20)]
    shares, _ = parts(rows, grouped=True)
    assert Counter(shares.splits) == {"train": 10, "valid": 10}
    with pytest.raises(DataError, match="2 groups, and a split needs 3"):
        parts(rows, grouped=True, test_split=0.2)
    with pytest.raises(DataError, match="1 groups, and a split needs 2"):
        parts(rows[:10], grouped=True)
