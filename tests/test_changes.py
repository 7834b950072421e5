from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from autotl.changes import changes
from autotl.data.dataset import Dataset, Picture

CLASSES = ("ants", "bees")


def pictures(count: int, first: int = 0, root: str = "/d") -> list[Picture]:
    numbers = range(first, first + count)
    return [Picture(f"{root}/{CLASSES[i % 2]}/{i:03}.jpg", i % 2, "train", f"{i:064x}", 9, 9) for i in numbers]


def dataset(those: list[Picture], root: str = "/d") -> Dataset:
    return Dataset(root, CLASSES, tuple(sorted(those, key=lambda each: (each.digest, each.path))))


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_every_picture_that_is_not_as_it_was_is_counted(same, new, gone, changed, relabelled):
    old = pictures(same + gone + changed + relabelled)
    kept, rest = old[:same], old[same + gone :]
    others = [dataclasses.replace(each, digest=each.digest.replace("0", "f", 1)) for each in rest[:changed]]
    turned = [
        dataclasses.replace(each, label=1 - each.label, path=f"/d/{CLASSES[1 - each.label]}/moved-{each.digest}.jpg")
        for each in rest[changed:]
    ]
    told = changes(dataset(old), dataset([*kept, *others, *turned, *pictures(new, 500)]))
    counts = {line.split()[1]: int(line.split()[0]) for line in told}
    expected = {"new": new, "gone": gone, "changed": changed, "relabelled": relabelled}
    assert counts == {kind: count for kind, count in expected.items() if count}


def test_a_data_set_that_lies_elsewhere_has_not_changed():
    assert changes(dataset(pictures(9)), dataset(pictures(9, root="/e"), "/e")) == []


def test_a_few_names_are_told_as_they_may_be_shown():
    added = dataclasses.replace(pictures(1, 50)[0], path="/d/ants/\x1b[2J.jpg")
    (told,) = changes(dataset(pictures(4)), dataset([*pictures(4), added]))
    assert told == "1 new (ants/\\x1b[2J.jpg)"
    (told,) = changes(dataset(pictures(4)), dataset(pictures(9)))
    assert told == "5 new (ants/004.jpg, ants/006.jpg, ants/008.jpg, …)"


def test_a_copy_over_another_picture_changes_that_one():
    old = pictures(4)
    copy = dataclasses.replace(old[0], digest=old[2].digest)
    assert changes(dataset(old), dataset([copy, *old[1:]])) == ["1 changed (ants/000.jpg)"]


def test_another_split_is_told_where_nothing_else_has_changed():
    old = pictures(4)
    moved = [dataclasses.replace(old[0], split="valid"), *old[1:]]
    assert changes(dataset(old), dataset(moved)) == ["1 in another split (ants/000.jpg)"]
