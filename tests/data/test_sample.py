from __future__ import annotations

import pytest
from PIL import Image

from autotl.data.decode import decode
from autotl.data.sample import digits
from autotl.errors import DataError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "data" / "digits"
    assert digits(folder) == 1797
    return folder


def test_digits_are_1797_pictures_in_ten_folders(written):
    assert sorted(path.name for path in written.iterdir()) == [str(digit) for digit in range(10)]
    assert len(list(written.rglob("*.png"))) == 1797
    assert (written / "0" / "0000.png").is_file()
    assert [path.name for path in written.parent.iterdir()] == ["digits"]


def test_digits_are_white_on_black_and_use_the_whole_range(written):
    with Image.open(written / "0" / "0000.png") as image:
        assert image.size == (32, 32)
    array = decode(written / "0" / "0000.png", (32, 32))
    assert array[0, 0, 0] < 20
    assert array.max() > 220


def test_digits_written_again_are_left_as_they_are(written):
    before = (written / "3" / "0000.png").stat().st_mtime_ns
    assert digits(written) == 1797
    assert (written / "3" / "0000.png").stat().st_mtime_ns == before


def test_digits_may_fill_an_empty_folder(tmp_path):
    assert digits(tmp_path) == 1797


@pytest.mark.parametrize("name", ["mine.txt", "0/0000.png"])
def test_a_folder_that_holds_other_files_is_not_touched(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match="not empty, and not this sample"):
        digits(tmp_path)
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]
