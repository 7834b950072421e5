from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from autotl.data import load, load_labelled
from autotl.data.dataset import dataset_from
from autotl.errors import DataError


def finding(dataset, kind):
    (found,) = [each for each in dataset.findings if each.kind == kind]
    return found


def test_a_folder_of_classes_becomes_a_dataset(many, tmp_path):
    many("cat", 10)
    many("dog", 20)
    told = []
    dataset = load(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert dataset.classes == ("cat", "dog")
    assert dataset.root == str(tmp_path)
    assert dataset.counts() == {
        "train": {"cat": 6, "dog": 14},
        "valid": {"cat": 2, "dog": 3},
        "test": {"cat": 2, "dog": 3},
    }
    assert (dataset.made_valid, dataset.made_test) == (True, True)
    assert [picture.digest for picture in dataset.pictures] == sorted(picture.digest for picture in dataset.pictures)
    assert all((picture.width, picture.height) == (8, 6) for picture in dataset.pictures)
    assert told[-1] == (30, 30)


def test_a_dataset_survives_json(many, tmp_path):
    many("cat", 4)
    many("dog", 4)
    (tmp_path / "notes.txt").write_text("hello")
    dataset = load(tmp_path)
    assert dataset_from(json.loads(dataset.to_json())) == dataset


def test_the_same_seed_gives_the_same_dataset_and_a_moved_one_the_same_fingerprint(many, tmp_path):
    many("data/cat", 9)
    many("data/dog", 9)
    first = load(tmp_path / "data")
    assert load(tmp_path / "data") == first
    (tmp_path / "data").rename(tmp_path / "moved")
    assert load(tmp_path / "moved").fingerprint == first.fingerprint
    assert load(tmp_path / "moved", seed=1).fingerprint != first.fingerprint


def test_unreadable_pictures_are_left_out_and_named_by_reason(many, tmp_path):
    many("cat", 4)
    many("dog", 4)
    (tmp_path / "cat" / "text.jpg").write_text("no picture")
    (tmp_path / "cat" / "nothing.png").write_bytes(b"")
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog" / "cut.jpg")
    content = (tmp_path / "dog" / "cut.jpg").read_bytes()
    (tmp_path / "dog" / "cut.jpg").write_bytes(content[: len(content) // 2])
    dataset = load(tmp_path)
    assert len(dataset.pictures) == 8
    told = {each.files: each.message for each in dataset.findings}
    assert "not a picture of a known kind" in told["cat/text.jpg",]
    assert "it is empty" in told["cat/nothing.png",]
    assert "it is cut off" in told["dog/cut.jpg",]
    problems = {each.kind for each in dataset.findings if each.gravity == "error"}
    assert problems == {"unreadable", "empty_file", "truncated"}


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_of_more_pixels_than_asked_for_is_left_out(many, draw, tmp_path, suffix):
    many("cat", 3)
    many("dog", 3)
    draw(f"dog/bomb.{suffix}", size=(64, 64))
    before = Image.MAX_IMAGE_PIXELS
    bomb = finding(load(tmp_path, max_megapixels=0.004), "bomb")
    assert bomb.files == (f"dog/bomb.{suffix}",)
    assert "more than 0.004 million pixels" in bomb.message
    assert len(load(tmp_path, max_megapixels=0.0041).pictures) == 7
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_sizes_are_as_displayed(many, tmp_path, suffix):
    many("cat", 2)
    exif = Image.Exif()
    exif[274] = 8
    (tmp_path / "dog").mkdir()
    for number in range(2):
        Image.new("RGB", (40, 20), (number, 0, 0)).save(tmp_path / "dog" / f"{number}.{suffix}", exif=exif)
    dataset = load(tmp_path)
    assert [(p.width, p.height) for p in dataset.pictures if p.label == 1] == [(20, 40)] * 2


def test_a_class_with_one_picture_is_refused(many, tmp_path):
    many("cat", 1)
    many("dog", 5)
    with pytest.raises(
        DataError, match=r"Class 'cat' has 1 picture in .*; at least 2 are needed, one for training and"
    ):
        load(tmp_path)


def test_a_class_with_one_picture_in_train_will_do_when_valid_is_given(many, tmp_path):
    for folder in ("train/cat", "train/dog", "valid/cat", "valid/dog"):
        many(folder, 1)
    assert not load(tmp_path).has_test


def test_one_class_is_refused(many, tmp_path):
    many("cat", 5)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=r"one class only, 'cat'; at least 2 are needed\. 'dog' holds none"):
        load(tmp_path)


def test_a_folder_around_the_data_is_pointed_out(many, tmp_path):
    many("Data/cat", 2)
    many("Data/dog", 2)
    with pytest.raises(DataError, match=r"Did you mean .*/Data\?"):
        load(tmp_path)


def test_an_empty_class_is_dropped_and_named(many, tmp_path):
    many("cat", 3)
    many("dog", 3)
    (tmp_path / "eel").mkdir()
    dataset = load(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert finding(dataset, "empty").files == ("eel",)


def test_a_class_of_test_that_train_lacks_is_refused(many, tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat", "test/eel"):
        many(folder, 2)
    with pytest.raises(DataError, match=r"Class 'eel' of .* is in test, but not in train\. Add pictures"):
        load(tmp_path)


def test_a_class_that_valid_lacks_is_told(many, tmp_path):
    for folder in ("train/cat", "train/dog", "valid/cat"):
        many(folder, 2)
    assert finding(load(tmp_path), "unseen").files == ("dog",)


def test_copies_in_two_splits_and_under_two_classes_are_told(draw, tmp_path):
    draw("train/cat/a.png", (1, 1, 1))
    draw("train/cat/b.png", (2, 2, 2))
    draw("train/dog/b.png", (2, 2, 2))
    draw("valid/cat/a.png", (1, 1, 1))
    draw("valid/dog/c.png", (3, 3, 3))
    dataset = load(tmp_path, keep_duplicates=True)
    assert sorted(finding(dataset, "leak").files) == ["train/cat/a.png", "valid/cat/a.png"]
    assert sorted(finding(dataset, "two_labels").files) == ["train/cat/b.png", "train/dog/b.png"]


def test_training_pictures_that_are_in_a_later_part_are_held_back(draw, tmp_path):
    draw("train/cat/a.png", (1, 1, 1))
    draw("train/cat/b.png", (2, 2, 2))
    draw("train/dog/c.png", (3, 3, 3))
    draw("train/dog/wrong.png", (1, 1, 1))
    draw("valid/cat/a.bmp", (1, 1, 1))
    draw("valid/dog/c.png", (4, 4, 4))
    dataset = load(tmp_path)
    assert len(dataset.pictures) == 4
    assert finding(dataset, "held_back").files == ("train/cat/a.png", "train/dog/wrong.png")
    assert finding(dataset, "two_labels").sets == (("train/dog/wrong.png", "valid/cat/a.bmp"),)
    assert "leak" not in {each.kind for each in dataset.findings}
    kept = load(tmp_path, keep_duplicates=True)
    assert len(kept.pictures) == 6
    assert finding(kept, "leak").sets == (("train/cat/a.png", "train/dog/wrong.png", "valid/cat/a.bmp"),)


def test_a_class_whose_training_pictures_are_all_copies_of_later_ones_is_refused(draw, tmp_path):
    for split in ("train", "test"):
        draw(f"{split}/cat/a.png", (1, 1, 1))
    for number in range(3):
        draw(f"train/dog/{number}.png")
    with pytest.raises(DataError, match=r"Every training picture of class 'cat' .* or search with --keep-duplicates"):
        load(tmp_path)
    draw("valid/cat/b.png")
    draw("valid/dog/b.png")
    assert load(tmp_path, keep_duplicates=True).counts()["train"] == {"cat": 1, "dog": 3}


def test_classes_of_nothing_but_copies_of_one_picture_are_refused_with_advice(draw, tmp_path):
    for label in ("cat", "dog"):
        draw(f"{label}/a.png", (1, 1, 1))
        draw(f"{label}/b.png", (1, 1, 1))
    with pytest.raises(DataError, match=r"its pictures are copies\. Add others; --keep-duplicates splits them"):
        load(tmp_path)
    assert load(tmp_path, keep_duplicates=True).counts()["train"] == {"cat": 1, "dog": 1}


def test_copies_of_a_class_are_told_and_stay_on_one_side_of_a_drawn_split(many, draw, tmp_path):
    many("cat", 20)
    many("dog", 20)
    for number in range(10):
        draw(f"cat/again {number}.bmp", (number + 1, 0, 7))
    dataset = load(tmp_path)
    assert len(finding(dataset, "copies").sets) == 10
    where = {}
    for picture in dataset.pictures:
        if picture.twins:
            where.setdefault(picture.twins, set()).add(picture.split)
    assert len(where) == 10
    assert all(len(splits) == 1 for splits in where.values())


def test_small_classes_and_names_that_may_be_one_are_told(many, tmp_path):
    many("golden retriever", 4)
    many("Golden_Retriever", 40)
    dataset = load(tmp_path)
    assert finding(dataset, "few").files == ("golden retriever",)
    assert finding(dataset, "spelt_twice").sets == (("Golden_Retriever", "golden retriever"),)


def test_the_gravest_findings_come_first(many, tmp_path):
    many("cat", 20)
    many("dog", 20)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "cat" / "nothing.png").write_bytes(b"")
    gravities = [each.gravity for each in load(tmp_path).findings]
    assert (gravities[0], gravities[-1]) == ("error", "note")
    assert sorted(gravities, key=("error", "warning", "note").index) == gravities


def test_lopsided_classes_are_told(many, tmp_path):
    many("cat", 4)
    many("dog", 60)
    assert "balanced_accuracy" in finding(load(tmp_path), "lopsided").advice


def test_groups_of_a_csv_stay_together(many, tmp_path):
    many("img", 40)
    rows = [f"img/{n:03}.png,{'cat' if n % 2 else 'dog'},patient {n // 4}" for n in range(40)]
    (tmp_path / "data.csv").write_text("\n".join(["path,label,group", *rows]))
    dataset = load(tmp_path / "data.csv")
    where = {(picture.group, picture.split) for picture in dataset.pictures}
    assert len(where) == 10
    assert {split for _, split in where} == {"train", "valid", "test"}


def test_groups_that_cross_given_splits_are_told(many, tmp_path):
    many("img", 8)
    rows = [f"img/{n:03}.png,{'cat' if n % 2 else 'dog'},{'train' if n < 4 else 'valid'},p" for n in range(8)]
    (tmp_path / "data.csv").write_text("\n".join(["path,label,split,group", *rows]))
    assert len(finding(load(tmp_path / "data.csv"), "group_leak").files) == 8


def test_a_class_that_lies_in_one_group_is_refused(many, tmp_path):
    many("img", 8)
    rows = [f"img/{n:03}.png,{'cat' if n < 4 else 'dog'},{'a' if n < 4 else 'b'}" for n in range(8)]
    (tmp_path / "data.csv").write_text("\n".join(["path,label,group", *rows]))
    with pytest.raises(DataError, match="lies in one group"):
        load(tmp_path / "data.csv")


def test_what_is_neither_folder_nor_csv_is_refused(tmp_path):
    with pytest.raises(DataError, match="There is no folder or CSV"):
        load(tmp_path / "nowhere")
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="neither a folder nor a CSV"):
        load(tmp_path / "data.parquet")


def test_labelled_pictures_need_not_be_many(many, tmp_path):
    many("test/cat_new", 1)
    listing = load_labelled(tmp_path / "test", ["cat", "dog"])
    assert [entry.label for entry in listing.entries] == ["cat"]


def test_of_labelled_splits_the_test_part_alone_counts(many, tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat"):
        many(folder, 2)
    assert {entry.split for entry in load_labelled(tmp_path, ["cat", "dog"]).entries} == {"test"}


def test_labels_that_a_model_does_not_know_are_left_out_and_named(many, tmp_path):
    many("cat", 1)
    many("eel", 2)
    listing = load_labelled(tmp_path, ["cat", "dog"])
    assert [entry.label for entry in listing.entries] == ["cat"]
    assert [finding.message for finding in listing.findings] == [
        "Pictures of classes that the model does not know are left out: 2 ('eel').",
        "No picture is of 'dog', which the model knows too.",
    ]
    with pytest.raises(DataError, match=r"does not know 'cat', 'eel' of .*Its classes: dog"):
        load_labelled(tmp_path, ["dog"])


def test_importing_the_room_imports_nothing_heavy():
    heavy = "{'keras', 'tensorflow', 'sklearn', 'PIL'}"
    code = f"import sys, autotl.data; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
