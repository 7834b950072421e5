from __future__ import annotations

import glob
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.data.listing import is_picture
from autotl.data.unlabelled import pictures_in
from autotl.errors import DataError

part = st.sampled_from(["a", "b", "ab", "c[1]"])
files = st.sets(
    st.builds(
        lambda folders, name: "/".join([*folders, name]),
        st.lists(part, max_size=2),
        st.sampled_from(["x.png", "y.JPG", "a1.png", "n.txt", "z.dat"]),
    ),
    min_size=1,
    max_size=12,
)
patterns = st.sampled_from(
    ["*.png", "**/*.png", "*/*", "**/?.*", "[ab]/*.png", "a*/**/*.png", "**/*.dat", "**/[!x]*.???"]
)


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("one/1.png", "one/deep/2.jpg", "two/3.png", "two/notes.txt", "two/.hidden.png", ".git/4.png", "5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def names(tree: Path, *patterns: str) -> list[str]:
    return [file.relative_to(tree).as_posix() for file in pictures_in([tree / pattern for pattern in patterns])]


def test_a_csv_names_pictures(tree):
    (tree / "list.csv").write_text("filename\none/1.png\ntwo/3.png\n")
    assert names(tree, "list.csv") == names(tree, "*.csv") == ["one/1.png", "two/3.png"]


def test_files_are_taken_at_their_word_and_folders_searched_for_pictures(tree):
    assert names(tree, "two/notes.txt", "none.png", "two") == ["two/notes.txt", "none.png", "two/3.png"]


def test_globs_name_pictures_in_order_and_each_once(tree):
    everything = ["5.png", "one/1.png", "one/deep/2.jpg", "two/3.png"]
    assert names(tree, "*") == names(tree, "**") == names(tree, "**/*") == everything
    assert names(tree, "**/*.png") == ["5.png", "one/1.png", "two/3.png"]
    assert names(tree, "t?o/*", "[o]ne/*.png") == ["two/3.png", "one/1.png"]
    assert names(tree, "two/*.txt") == ["two/notes.txt"]
    assert names(tree, ".git/*") == [".git/4.png"]


def test_a_glob_is_relative_to_where_one_is(tree, monkeypatch):
    monkeypatch.chdir(tree / "one")
    assert pictures_in(["*.png", "../two/*"]) == [Path("1.png"), Path("../two/3.png")]


def test_a_file_with_the_signs_of_a_glob_in_its_name_is_that_file(tree):
    (tree / "[5].png").write_text("")
    assert names(tree, "[5].png") == ["[5].png"]


def test_links_in_circles_are_not_followed_by_globs(tree):
    (tree / "one" / "round").symlink_to(tree)
    assert names(tree, "**/*.png") == ["5.png", "one/1.png", "two/3.png"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("*.gif", r"No picture matches .*\*\.gif"), ("**.png", r"is no glob that can be followed|No picture matches")],
)
def test_a_glob_that_names_nothing_is_an_error(tmp_path, pattern, message):
    with pytest.raises(DataError, match=message):
        pictures_in([tmp_path / pattern])


@settings(max_examples=60, deadline=None)
@given(files=files, pattern=patterns)
def test_globs_name_what_a_shell_would_less_what_is_no_picture(files, pattern):
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / file).write_text("")
        told = map(Path, glob.glob(f"{folder}/{pattern}", recursive=True))  # noqa: PTH207  (another way on purpose)
        wanted = {file for file in told if file.is_file() and (is_picture(file) or file.suffix == Path(pattern).suffix)}
        folders = [file for file in map(Path, glob.glob(f"{folder}/{pattern}", recursive=True)) if file.is_dir()]  # noqa: PTH207
        wanted |= {file for each in folders for file in each.rglob("*") if is_picture(file)}
        if wanted:
            found = pictures_in([f"{folder}/{pattern}"])
            assert (set(found), len(found)) == (wanted, len(wanted))
        else:
            with pytest.raises(DataError):
                pictures_in([f"{folder}/{pattern}"])
