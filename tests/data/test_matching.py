from __future__ import annotations

import pytest

from autotl.data.matching import match, shortest
from autotl.errors import DataError


def test_names_that_differ_by_a_suffix_are_one_class():
    known = ["adenocarcinoma_left.lower.lobe_T2", "large.cell_left", "normal"]
    assert match(["normal", "adenocarcinoma", "large.cell"], known, "test") == {
        "adenocarcinoma": "adenocarcinoma_left.lower.lobe_T2",
        "large.cell": "large.cell_left",
        "normal": "normal",
    }


def test_the_suffix_may_be_on_either_side_and_case_may_differ():
    assert match(["cat-new", "Dog"], ["cat", "dog"], "test") == {"cat-new": "cat", "Dog": "dog"}


@pytest.mark.parametrize(("name", "known"), [("cat", "caterpillar"), ("cat", "dog"), ("cat2", "cat"), ("a_b", "a_c")])
def test_names_that_share_only_letters_are_two_classes(name, known):
    assert match([name], [known], "test") == {}


def test_a_name_that_has_its_own_partner_takes_no_other():
    assert match(["cat", "cat_big"], ["cat", "cat_big"], "test") == {"cat": "cat", "cat_big": "cat_big"}
    assert match(["cat"], ["cat", "cat_big"], "test") == {"cat": "cat"}


def test_a_name_that_fits_two_classes_is_refused():
    with pytest.raises(DataError, match="'cat' of test could be 'cat_big' or 'cat_small'"):
        match(["cat"], ["cat_big", "cat_small"], "test")


def test_two_names_that_fit_one_class_are_refused():
    with pytest.raises(DataError, match="'cat_1' or 'cat_2' of test could all be 'cat'"):
        match(["cat_1", "cat_2"], ["cat"], "test")


def test_a_class_is_called_by_its_shortest_spelling():
    assert shortest({"cat_train": ["cat_train", "cat"], "dog": ["dog", "dog_b"]}) == {"cat_train": "cat", "dog": "dog"}
