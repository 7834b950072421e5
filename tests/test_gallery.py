from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autotl import gallery
from autotl.data.dataset import Dataset, Picture
from autotl.errors import RunError
from autotl.folder import RunFolder
from autotl.suspects import Doubts, Suspect, save

from . import pictures

ROWS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=n, max_size=n),
    )
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    data = pictures.write(tmp_path_factory.mktemp("stripes"), each=30)
    Image.new("RGB", (400, 20), "red").save(data / "class_0" / "wide.png")
    files = sorted(data.glob("*/*.png"))
    splits = ("train", "test")
    rows = tuple(Picture(str(f), int(f.parent.name[-1]), splits[i % 2], f"{i}", 32, 32) for i, f in enumerate(files))
    wide = tuple(replace(p, width=400, height=20) if p.path.endswith("wide.png") else p for p in rows)
    return Dataset(str(data), ("class_0", "class_1"), wide)


def eyes(features) -> gallery.Eyes:
    return gallery.Eyes((16, 16), lambda pixels: features(len(pixels)), lambda rows: rows.mean(axis=(1, 2)))


def answers(dataset: Dataset) -> np.ndarray:
    return np.random.default_rng(0).dirichlet((1, 1), len(dataset.indices("test")))


def fine(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 4, 4, 2))


@given(ROWS)
def test_the_surest_mistakes_are_shown_and_nothing_twice(rows):
    labels, shares = np.array(rows[0]), np.array(rows[1])
    shares /= shares.sum(axis=1, keepdims=True)
    chosen = gallery.choose(labels, shares)
    guesses, sure = shares.argmax(axis=1), shares.max(axis=1)
    wrong = sorted(sure[guesses != labels], reverse=True)
    assert [sure[row] for row in chosen["mistake"]] == wrong[: gallery.MOST["mistake"]]
    assert all(guesses[row] == labels[row] for row in chosen["right"])
    every = [row for those in chosen.values() for row in those]
    assert len(every) == len(set(every))
    assert all(len(those) <= gallery.MOST[kind] for kind, those in chosen.items())


def test_right_answers_come_from_as_many_classes_as_there_are():
    labels = np.array([0] * 30 + [1, 2, 3])
    chosen = gallery.choose(labels, np.eye(4)[labels] * 0.9 + 0.025)
    assert sorted(labels[chosen["right"]]) == [0, 1, 2, 3]


def test_what_was_hung_is_read_and_every_picture_is_a_small_jpeg(dataset, tmp_path):
    folder = RunFolder(tmp_path)
    made = gallery.hang(folder, dataset, "test", answers(dataset), eyes(fine))
    assert gallery.read(folder) == made
    assert 0 < len(made.shown) <= 24
    for place, shown in enumerate(made.shown):
        with Image.open(folder.gallery / f"{place}.jpg") as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", gallery.SIDE)
        assert (gallery.jpeg(folder, place, explained=True) is not None) == shown.explained
        assert shown.split == "test"
    explained = [shown.kind for shown in made.shown if shown.explained]
    assert set(explained) == {"mistake", "right"}
    assert len(explained) <= 2 * gallery.EXPLAINED


def test_what_an_earlier_gallery_left_is_gone(dataset, tmp_path):
    folder = RunFolder(tmp_path)
    folder.gallery.mkdir(parents=True)
    (folder.gallery / "99.jpg").touch()
    gallery.hang(folder, dataset, "test", answers(dataset), eyes(fine))
    assert not (folder.gallery / "99.jpg").exists()


def test_features_too_coarse_for_a_map_give_none(dataset, tmp_path):
    made = gallery.hang(RunFolder(tmp_path), dataset, "test", answers(dataset), eyes(lambda n: np.zeros((n, 1, 1, 2))))
    assert made.shown
    assert not any(shown.explained for shown in made.shown)


def test_suspects_are_shown_with_what_the_probe_says(dataset, tmp_path):
    folder = RunFolder(tmp_path)
    known = Suspect("class_0/1.png", "class_0", "class_1", 0.97, 0.01, "train", "suspect")
    others = (replace(known, kind="hard"), replace(known, file="gone.png"))
    save(folder, Doubts("speck", 9, (known, *others)))
    made = gallery.hang(folder, dataset, "test", answers(dataset), eyes(fine))
    assert [(shown.file, shown.sure) for _, shown in made.of("suspect")] == [("class_0/1.png", 0.97)]


def test_a_picture_that_is_a_link_or_too_large_is_none(tmp_path):
    folder = RunFolder(tmp_path)
    folder.gallery.mkdir(parents=True)
    start = b"\xff\xd8\xff"
    (folder.gallery / "0.jpg").write_bytes(start)
    (folder.gallery / "1.jpg").symlink_to(folder.gallery / "0.jpg")
    (folder.gallery / "2.jpg").write_bytes(start + bytes(1_000_000))
    assert [gallery.jpeg(folder, place) for place in range(4)] == [start, None, None, None]


@pytest.mark.parametrize("content", ["", "[]", '{"split": "test", "shown": [{"kind": "odd"}]}'])
def test_a_list_of_another_shape_is_refused_in_a_line(tmp_path, content):
    folder = RunFolder(tmp_path)
    folder.gallery.mkdir(parents=True)
    (folder.gallery / "gallery.json").write_text(content)
    with pytest.raises(RunError, match=r"gallery\.json is not as a search writes it"):
        gallery.read(folder)


def test_a_run_without_a_gallery_has_an_empty_one(tmp_path):
    assert gallery.read(RunFolder(Path(tmp_path))).shown == ()
