from __future__ import annotations

import pytest

from autotl.data.table import read_table
from autotl.errors import DataError


@pytest.fixture
def table(tmp_path, many):
    """Return a function that writes a CSV beside ten pictures, img/000.png and so on, and reads it."""
    many("img", 10)

    def written(text, encoding="utf-8"):
        file = tmp_path / "data.csv"
        file.write_bytes(text.encode(encoding))
        return read_table(file)

    return written


def test_paths_are_relative_to_the_csv_or_absolute(table, tmp_path):
    listing = table(f"path,label\nimg/000.png,cat\n{tmp_path}/img/001.png,dog\n")
    assert [entry.path for entry in listing.entries] == [tmp_path / "img" / "000.png", tmp_path / "img" / "001.png"]
    assert [entry.label for entry in listing.entries] == ["cat", "dog"]
    assert listing.entries[0].split is None
    assert listing.entries[0].group is None


@pytest.mark.parametrize(
    "header", ["path,label", "File Name,CLASS", "filename,Category", "image,target", "img,class_name"]
)
def test_headers_are_known_in_their_usual_spellings(table, header):
    assert len(table(f"{header}\nimg/000.png,cat\n").entries) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_separate(table, delimiter):
    (entry,) = table("path,label\nimg/000.png,a cat\n".replace(",", delimiter)).entries
    assert entry.label == "a cat"


def test_a_byte_order_mark_blank_lines_and_quotes_do_no_harm(table):
    listing = table('path,label\r\n"img/000.png","cat, big"\r\n\r\nimg/001.png,dog\r\n', encoding="utf-8-sig")
    assert [entry.label for entry in listing.entries] == ["cat, big", "dog"]
    assert not listing.findings


def test_splits_and_groups_are_read_and_a_blank_split_is_train(table):
    listing = table("path,label,split,patient\nimg/000.png,c,Training,p1\nimg/001.png,c,val,p2\nimg/002.png,c,,\n")
    assert [(entry.split, entry.group) for entry in listing.entries] == [
        ("train", "p1"),
        ("valid", "p2"),
        ("train", None),
    ]


def test_an_unknown_split_is_refused_with_its_row(table):
    with pytest.raises(DataError, match="row 3 has the split 'holdout'; write train, valid or test"):
        table("path,label,split\nimg/000.png,c,train\nimg/001.png,c,holdout\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,kind\nimg/000.png,cat\n", r"no label column.*\['path', 'kind'\].*label, class"),
        ("label\ncat\n", "no path column"),
        ("", "is empty"),
        ("path,label\nnone.png,cat\n", "lists no file that exists"),
        ("path,label\nimg/000.png,cat\nimg/000.png,dog\n", "label 'cat' in row 2 and 'dog' in row 3"),
        (
            "path,label,split\nimg/000.png,cat,train\nimg/000.png,cat,test\n",
            "split 'train' in row 2 and 'test' in row 3",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(table, text, message):
    with pytest.raises(DataError, match=message):
        table(text)


def test_a_table_that_is_not_utf8_is_refused(table):
    with pytest.raises(DataError, match="as a CSV in UTF-8"):
        table("path,label\nimg/000.png,käse\n", encoding="latin-1")


def test_rows_that_cannot_be_used_are_left_out_and_told(table):
    listing = table("path,label\nimg/000.png,cat\nnone.png,cat\nimg/000.png,cat\nimg/001.png,\nimg/002.png\n")
    assert len(listing.entries) == 1
    told = {finding.kind: finding.message for finding in listing.findings}
    assert "row 3" in told["missing"]
    assert "row 4" in told["duplicate_row"]
    assert "row 5, 6" in told["incomplete"]


def test_a_class_of_missing_files_is_still_named(table):
    assert table("path,label\nimg/000.png,cat\nnone.png,dog\n").classes == ("cat", "dog")
