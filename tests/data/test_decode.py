from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from autotl.data.decode import decode, decode_bytes, decode_many, in_threads, try_decode_many
from autotl.errors import DataError

ORANGE = (250, 120, 10)


def middle(path, size=(4, 4)):
    return decode(path, size)[size[0] // 2, size[1] // 2].tolist()


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tif"])
def test_every_format_becomes_rgb_of_the_size_asked_for(draw, suffix):
    array = decode(draw(f"a.{suffix}", ORANGE, size=(40, 30)), (5, 9))
    assert array.shape == (5, 9, 3)
    assert array.dtype == np.uint8
    assert np.abs(array.astype(int) - ORANGE).max() <= 4


@pytest.mark.parametrize(
    ("mode", "colour", "expected", "suffix"),
    [
        ("L", 77, [77, 77, 77], "png"),
        ("1", 1, [255, 255, 255], "png"),
        ("LA", (77, 255), [77, 77, 77], "png"),
        ("RGBA", (*ORANGE, 255), list(ORANGE), "png"),
        ("RGBA", (*ORANGE, 100), [253, 202, 159], "png"),
        ("CMYK", (0, 255, 255, 0), [254, 0, 0], "jpg"),
        ("CMYK", (0, 255, 255, 0), [255, 0, 0], "tif"),
        ("I;16", 65535, [255, 255, 255], "png"),
        ("I;16", 32896, [128, 128, 128], "tif"),
        ("I;16", 2048, [128, 128, 128], "png"),
        ("I", 200, [200, 200, 200], "tif"),
        ("F", 0.5, [128, 128, 128], "tif"),
        ("F", 90.0, [90, 90, 90], "tif"),
    ],
)
def test_every_mode_becomes_the_right_colour(draw, mode, colour, expected, suffix):
    assert np.abs(np.subtract(middle(draw(f"a.{suffix}", colour, mode=mode)), expected)).max() <= 1


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, *ORANGE])
    image.save(tmp_path / "a.png")
    assert middle(tmp_path / "a.png") == list(ORANGE)


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_transparent_places_of_a_palette_become_white(tmp_path, transparency):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, *ORANGE])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "a.png", transparency=transparency)
    array = decode(tmp_path / "a.png", (4, 4))
    assert array[0, 0].tolist() == [255, 255, 255]
    assert array[3, 3].tolist() == list(ORANGE)


def test_the_transparent_colour_of_a_grey_picture_becomes_white(tmp_path):
    Image.fromarray(np.array([[0, 0], [90, 90]], np.uint8)).save(tmp_path / "a.png", transparency=0)
    assert decode(tmp_path / "a.png", (2, 2))[:, 0, 0].tolist() == [255, 90]


def test_a_cut_out_lies_on_white(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[2:6, 2:6] = (*ORANGE, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array = decode(tmp_path / "a.png", (8, 8))
    assert array[0, 0].tolist() == [255, 255, 255]
    assert array[4, 4].tolist() == list(ORANGE)


def test_a_drawing_held_by_alpha_alone_shows(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[2:6, 2:6, 3] = 130
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array = decode(tmp_path / "a.png", (8, 8))
    assert array[4, 4, 0] == 125
    assert array[0, 0, 0] == 255


def test_alpha_that_repeats_the_brightness_is_no_transparency(tmp_path):
    grey = np.linspace(0, 190, 64).astype(np.uint8).reshape(8, 8)
    Image.fromarray(np.stack([grey, grey], axis=-1)).save(tmp_path / "a.png")
    array = decode(tmp_path / "a.png", (8, 8))
    assert (array[..., 0] == grey).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_is_applied(tmp_path, suffix):
    image = Image.new("RGB", (64, 32), "black")
    image.paste("white", (0, 0, 32, 32))  # left half; turned clockwise, it is the upper half
    exif = Image.Exif()
    exif[274] = 6
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    array = decode(tmp_path / f"a.{suffix}", (8, 4))
    assert array.shape == (8, 4, 3)
    assert array[1].min() > 240
    assert array[6].max() < 15


def test_a_broken_exif_block_does_no_harm(draw):
    assert middle(draw("a.jpg", ORANGE, exif=b"Exif\x00\x00II*\x00broken"))[2] < 20


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif"])
def test_of_several_frames_the_first_is_taken(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert middle(tmp_path / f"a.{suffix}")[0] > 250


def test_a_large_jpeg_is_averaged_not_sampled(tmp_path):
    lines = np.zeros((512, 512), np.uint8)
    lines[:, ::2] = 255
    Image.fromarray(lines).save(tmp_path / "a.jpg", quality=95)
    array = decode(tmp_path / "a.jpg", (16, 16))
    assert np.abs(array.astype(int) - 128).max() <= 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not a picture at all", "not a picture of a known kind"),
        (b"", "not a picture of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture of a known kind"),
        (None, "no such file"),
    ],
)
def test_what_is_no_picture_is_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.jpg cannot be read: .*{reason}"):
        decode(path, (4, 4))


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp"])
def test_a_truncated_picture_is_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match="cannot be read"):
        decode(path, (4, 4))


def test_a_decompression_bomb_is_named(draw, monkeypatch):
    path = draw("a.png", ORANGE, size=(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="million pixels"):
        decode(path, (4, 4))


def test_many_pictures_come_in_order_with_their_index(draw):
    paths = [draw(f"{n}.png", (n, n, n)) for n in range(60)]
    told = []
    made = list(decode_many(paths, (3, 3), lambda done, total: told.append((done, total))))
    assert [index for index, _ in made] == list(range(60))
    assert [int(array[0, 0, 0]) for _, array in made] == list(range(60))
    assert told == [(n, 60) for n in range(1, 61)]


def test_one_unreadable_picture_stops_decoding_unless_errors_are_wanted(draw, tmp_path):
    paths = [draw("a.png"), tmp_path / "none.png", draw("b.png")]
    with pytest.raises(DataError, match=r"none\.png"):
        list(decode_many(paths, (3, 3)))
    kinds = [type(made) for _, made in try_decode_many(paths, (3, 3))]
    assert kinds == [np.ndarray, DataError, np.ndarray]


def test_threads_do_not_run_far_ahead_of_the_reader():
    begun = []
    made = in_threads(begun.append, range(10_000))
    next(made)
    assert len(begun) < 5_000
    made.close()
    assert len(begun) < 5_000


def test_bytes_are_decoded_as_a_file_of_them_is(tmp_path) -> None:
    file = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.linear_gradient("L").resize((40, 30)).save(file, exif=exif)
    assert np.array_equal(decode_bytes(file.read_bytes(), (12, 16)), decode(file, (12, 16)))


def test_bytes_that_are_no_picture_are_told_without_a_name() -> None:
    with pytest.raises(DataError, match=r"^The picture cannot be read: it is not a picture of a known kind\.$"):
        decode_bytes(b"%PDF-1.7", (12, 16))


@pytest.mark.parametrize("ahead", [5000, 9000])
def test_as_many_items_as_asked_for_are_under_way_and_no_more(ahead):
    taken = []

    class Items(list):
        def __iter__(self):
            for item in super().__iter__():
                taken.append(item)
                yield item

    made = in_threads(str, Items(range(10_000)), ahead=ahead)
    assert next(made) == "0"
    assert len(taken) == ahead + 1
    assert list(made) == [str(number) for number in range(1, 10_000)]
