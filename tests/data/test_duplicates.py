from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from autotl.data.check import check
from autotl.data.decode import decode
from autotl.data.duplicates import alike, close_pairs, find

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=12)
FLIPS = st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=10)), max_size=20)


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return a picture of random shapes, as different from any other as photographs are."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    brush = ImageDraw.Draw(picture)
    for _ in range(25):
        x, y = (int(rng.integers(0, side)) for side in size)
        width, height = rng.integers(8, 50, 2).tolist()
        brush.ellipse((x, y, x + width, y + height), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return picture


def found(paths: list[Path]):
    """Return the sets of copies and of pictures that show the same, as sets of file names."""
    twins = find(paths, list(check(paths)), 179.0)

    def named(roots):
        sets: dict[int, set[str]] = {}
        for path, root in zip(paths, roots, strict=True):
            sets.setdefault(root, set()).add(path.name)
        return [names for names in sets.values() if len(names) > 1]

    return named(twins.exact), named(twins.near)


@settings(deadline=None)
@given(HASHES, FLIPS, st.integers(0, 10), st.integers(1, 5))
def test_close_pairs_are_those_of_brute_force(hashes, flips, distance, block):
    for index, bits in flips:  # so that some pairs are close
        if hashes:
            hashes.append(hashes[index % len(hashes)] ^ sum(1 << bit for bit in bits))
    blocks = list(close_pairs(np.array(hashes, np.uint64), distance, block))
    made = [tuple(pair) for pairs in blocks for pair in pairs.tolist()]
    expected = [
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (hashes[i] ^ hashes[j]).bit_count() <= distance
    ]
    assert sorted(made) == expected
    assert all(len(pairs) <= 8 * block * block for pairs in blocks)


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> Path:
    """Pictures, and one of them saved in many ways."""
    place = tmp_path_factory.mktemp("album")
    for seed in range(30):
        scene(seed).save(place / f"{seed}.jpg", quality=90)
    with Image.open(place / "0.jpg") as opened:
        first = opened.convert("RGB")
    first.save(place / "copy.png")
    first.save(place / "copy.bmp")
    first.transpose(Image.Transpose.ROTATE_90).save(place / "turned.tif", exif=_exif(6))
    (place / "bytes.jpg").write_bytes((place / "0.jpg").read_bytes())
    first.save(place / "poor.jpg", quality=40)
    first.resize((96, 72)).save(place / "small.png")
    first.convert("L").save(place / "grey.png")
    ImageEnhance.Brightness(first).enhance(0.8).save(place / "dark.webp", lossless=True)
    marked = first.copy()
    ImageDraw.Draw(marked).line((10, 10, 50, 14), fill="white", width=3)
    marked.save(place / "marked.png")
    return place


def _exif(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = turn
    return exif


def test_copies_and_near_copies_are_found_and_nothing_else(album):
    exact, near = found(sorted(album.iterdir()))
    copies = {"0.jpg", "copy.png", "copy.bmp", "turned.tif", "bytes.jpg"}
    assert exact == [copies]
    assert near == [copies | {"poor.jpg", "small.png", "grey.png", "dark.webp", "marked.png"}]


def test_a_jpeg_whose_notes_alone_differ_is_a_copy(album, tmp_path):
    scene(1, (400, 300)).save(tmp_path / "a.jpg")
    scene(1, (400, 300)).save(tmp_path / "b.jpg", comment=b"the same")
    scene(1, (400, 300)).save(tmp_path / "c.jpg", quality=60)
    exact, near = found(sorted(tmp_path.iterdir()))
    assert exact == [{"a.jpg", "b.jpg"}]
    assert near == [{"a.jpg", "b.jpg", "c.jpg"}]


def test_pictures_that_show_nothing_are_the_same_only_pixel_for_pixel(tmp_path):
    for name, grey in (("a.png", 5), ("b.bmp", 5), ("c.png", 6)):
        Image.new("RGB", (64, 64), (grey, grey, grey)).save(tmp_path / name)
    assert found(sorted(tmp_path.iterdir())) == ([{"a.png", "b.bmp"}], [{"a.png", "b.bmp"}])


def test_another_colour_is_another_picture(tmp_path):
    mask = scene(3).convert("L")
    Image.composite(Image.new("RGB", mask.size, (250, 40, 40)), Image.new("RGB", mask.size), mask).save(
        tmp_path / "a.png"
    )
    Image.composite(Image.new("RGB", mask.size, (40, 40, 250)), Image.new("RGB", mask.size), mask).save(
        tmp_path / "b.png"
    )
    assert found(sorted(tmp_path.iterdir())) == ([], [])


def test_a_file_that_vanished_after_the_check_is_nobodys_twin(tmp_path):
    for name, quality in (("a.jpg", 90), ("b.jpg", 60), ("c.jpg", 70)):
        scene(4, (400, 300)).save(tmp_path / name, quality=quality)
    paths = sorted(tmp_path.iterdir())
    checked = list(check(paths))
    paths[0].unlink()
    assert find(paths, checked, 179.0).near == (0, 1, 1)


def test_of_a_long_film_no_picture_is_decoded_often(tmp_path, monkeypatch):
    frame = scene(5)
    for number in range(70):  # 2415 pairs
        shown = frame.copy()
        shown.putpixel((number, 3), (255, 255, 255))
        shown.save(tmp_path / f"{number}.png")
    decoded = Counter()

    def counting(path, size):
        decoded[path.name] += 1
        return decode(path, size)

    monkeypatch.setattr("autotl.data.duplicates.decode", counting)
    exact, near = found(sorted(tmp_path.iterdir()))
    assert (exact, len(near)) == ([], 1)
    assert len(near[0]) == 70
    assert max(decoded.values()) <= 2


def test_no_pictures_have_no_twins():
    assert find([], [], 179.0).near == ()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.6, 1.3), st.floats(-20, 20))
def test_what_is_alike_is_alike_both_ways_and_to_itself(seed, contrast, brightness):
    one = np.asarray(scene(seed).resize((32, 32)))
    lit = np.clip((one - 128.0) * contrast * 0.7 + 128 + brightness, 0, 255).astype(np.uint8)
    other = np.asarray(scene(seed + 1).resize((32, 32)))
    assert alike(one, one)
    assert alike(one, lit)
    assert alike(lit, one)
    assert not alike(one, other)
