from __future__ import annotations

import pytest

from autotl.data.layout import read_folder
from autotl.errors import DataError


def found(listing):
    """Return {(split, class): number of files}."""
    counts = {}
    for entry in listing.entries:
        counts[entry.split, entry.label] = counts.get((entry.split, entry.label), 0) + 1
    return counts


def kinds(listing):
    return {finding.kind: finding for finding in listing.findings}


def test_each_folder_is_a_class(many, tmp_path):
    many("cat", 2)
    many("dog/deep/er", 3)
    listing = read_folder(tmp_path)
    assert found(listing) == {(None, "cat"): 2, (None, "dog"): 3}
    assert not listing.findings


@pytest.mark.parametrize("train", ["train", "Training", "training_set", "TRAIN"])
@pytest.mark.parametrize("valid", ["val", "valid", "Validation", "validation_set"])
@pytest.mark.parametrize("test", ["test", "testing", "Test_Set"])
def test_splits_are_known_in_their_usual_spellings(many, tmp_path, train, valid, test):
    for folder in (train, valid, test):
        many(f"{folder}/cat", 1)
        many(f"{folder}/dog", 1)
    expected = {(split, label): 1 for split in ("train", "valid", "test") for label in ("cat", "dog")}
    assert found(read_folder(tmp_path)) == expected


def test_class_folders_with_suffixes_are_matched_and_told(many, tmp_path):
    many("train/cat_left.lobe", 2)
    many("train/dog", 2)
    many("valid/cat_left.lobe", 1)
    many("test/cat", 1)
    many("test/dog", 1)
    listing = read_folder(tmp_path)
    assert listing.classes == ("cat", "dog")
    assert found(listing)["train", "cat"] == 2
    assert "cat = cat_left.lobe" in kinds(listing)["matched"].message


def test_a_class_may_be_called_train(many, tmp_path):
    many("train", 2)
    many("bus", 2)
    assert found(read_folder(tmp_path)) == {(None, "train"): 2, (None, "bus"): 2}


def test_pictures_in_a_train_folder_without_classes_are_refused(many, tmp_path):
    many("train", 2)
    many("test", 2)
    with pytest.raises(DataError, match="holds pictures, but no class folders"):
        read_folder(tmp_path)


def test_folders_beside_the_splits_are_left_out_and_told(many, tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat", "extra"):
        many(folder, 1)
    listing = read_folder(tmp_path)
    assert {split for split, _ in found(listing)} == {"train", "test"}
    assert kinds(listing)["ignored"].files == ("extra",)


def test_two_folders_for_one_split_are_refused(many, tmp_path):
    for folder in ("train/cat", "val/cat", "validation/cat"):
        many(folder, 1)
    with pytest.raises(DataError, match="two folders for one split, 'val' and 'validation'"):
        read_folder(tmp_path)


def test_a_test_folder_without_train_is_refused(many, tmp_path):
    many("valid/cat", 1)
    many("test/cat", 1)
    with pytest.raises(DataError, match="none named 'train'"):
        read_folder(tmp_path)


def test_hidden_and_stray_files_are_ignored_without_a_word(many, tmp_path):
    many("cat", 1)
    many("dog", 1)
    for name in (".DS_Store", "cat/Thumbs.db", "cat/desktop.ini", "cat/.ipynb_checkpoints/a.png", "__MACOSX/cat/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "cat" / "._000.png").write_bytes(b"x")
    listing = read_folder(tmp_path)
    assert len(listing.entries) == 2
    assert not listing.findings


def test_other_files_are_counted_in_one_finding(many, tmp_path):
    many("cat", 1)
    many("dog", 1)
    for name in ("notes.txt", "cat/a.heic", "dog/LICENSE"):
        (tmp_path / name).write_bytes(b"x")
    (finding,) = read_folder(tmp_path).findings
    assert finding.kind == "ignored"
    assert sorted(finding.files) == ["cat/a.heic", "dog/LICENSE", "notes.txt"]
    assert "3 files are left out" in finding.message
    assert ".heic, .txt" in finding.message


def test_pictures_beside_class_folders_are_told(many, draw, tmp_path):
    many("cat", 1)
    many("dog", 1)
    draw("lost.png")
    assert kinds(read_folder(tmp_path))["loose"].files == ("lost.png",)


def test_links_may_make_loops(many, tmp_path):
    many("cat/in", 2)
    many("dog", 1)
    (tmp_path / "cat" / "in" / "again").symlink_to(tmp_path / "cat")
    (tmp_path / "cat" / "all").symlink_to(tmp_path)
    assert found(read_folder(tmp_path)) == {(None, "cat"): 2, (None, "dog"): 1}


def test_a_class_folder_may_be_a_link(many, tmp_path):
    many("data/cat", 1)
    many("elsewhere", 2)
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere")
    assert found(read_folder(tmp_path / "data")) == {(None, "cat"): 1, (None, "dog"): 2}


def test_pictures_without_class_folders_are_explained(many, tmp_path):
    many(".", 3)
    with pytest.raises(DataError, match=r"holds pictures, but no class folders\. Put the pictures of each class"):
        read_folder(tmp_path)


def test_an_empty_folder_is_explained(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        read_folder(tmp_path)
