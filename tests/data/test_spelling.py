from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.data.spelling import alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "Cat"),
        ("golden retriever", "golden_retriever"),
        ("golden-retriever", "GoldenRetriever"),
        ("apple", "apples"),
        ("red apple", "red_apples"),
        ("sunflower", "sunflwer"),
        ("sunflower", "sunfolwer"),
        ("sunflower", "sunflowar"),
        (unicodedata.normalize("NFC", "käse"), unicodedata.normalize("NFD", "käse")),
    ],
)
def test_one_class_spelt_twice_is_noticed(one, other):
    assert alike(["tree", one, other]) == [tuple(sorted((one, other)))]


@pytest.mark.parametrize(
    "names",
    [
        ("class_1", "class_2"),
        ("class1", "class10"),
        ("n01440764", "n01440765"),
        ("type_a", "type_b"),
        ("stage_ii", "stage_iii"),
        ("cat", "bat"),
        ("house", "horse"),
        ("a", "A"),
        ("rose", "tulip"),
        ("+", "-"),
    ],
)
def test_classes_of_their_own_are_left_alone(names):
    assert alike(names) == []


@given(st.sets(st.text(max_size=12), max_size=8))
def test_any_names_make_sorted_pairs_of_different_names(names):
    pairs = alike(names)
    assert pairs == sorted(set(pairs))
    assert all(one < other and {one, other} <= names for one, other in pairs)
