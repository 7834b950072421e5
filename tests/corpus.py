"""A corpus of hostile and odd files, each with the kinds of findings expected of it.

    python -m tests.corpus FOLDER

writes it, checks it as `autotl check` does, and prints how many of its files are named as they should be.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import struct
import sys
import unicodedata
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Expected = dict[str, frozenset[str]]  # path below the corpus -> kinds of findings
SIDE = 48
GOOD, EACH = ("bird", "fish"), 20


def picture(seed: int, size: tuple[int, int] = (SIDE, SIDE), mode: str = "RGB") -> Image.Image:
    """Return a picture of random shapes, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    made = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    brush = ImageDraw.Draw(made)
    for _ in range(25):
        x, y = (int(rng.integers(0, side)) for side in size)
        width, height = (int(rng.integers(2, max(3, side // 2))) for side in size)
        brush.rectangle((x, y, x + width, y + height), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return made.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file of some kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@dataclass
class Corpus:
    """The files of a corpus below `root`, and what is expected of each."""

    root: Path
    expected: Expected
    seed: int = 1000

    def next_picture(self, size: tuple[int, int] = (SIDE, SIDE), mode: str = "RGB") -> Image.Image:
        """Return a picture that is in the corpus nowhere else."""
        self.seed += 1
        return picture(self.seed, size, mode)

    def place(self, name: str, *kinds: str) -> Path:
        """Return where a file goes, and note what is expected of it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.expected[name] = frozenset(kinds)
        return path

    def write(self, name: str, content: bytes, *kinds: str) -> None:
        """Write a file of which some kinds of findings are expected."""
        self.place(name, *kinds).write_bytes(content)


def make(root: Path) -> Corpus:
    """Write the corpus into an empty folder and return what is expected."""
    corpus = Corpus(root, {})
    for label in GOOD:
        for number in range(EACH):
            corpus.write(f"{label}/{number:02}.png", encoded(corpus.next_picture(), "PNG"))
    for part in (_nothing_inside, _cut_off, _spoilt, _disguised, _modes, _shapes, _names, _places, _twins):
        part(corpus)
    return corpus


def _nothing_inside(corpus: Corpus) -> None:
    corpus.write("fish/empty.jpg", b"", "empty_file")
    corpus.write("fish/zeros.png", bytes(4096), "unreadable")
    corpus.write("fish/one byte.gif", b"G", "unreadable")
    corpus.write("fish/text.jpg", b"this is a text, whatever its name says\n", "unreadable")
    corpus.write("fish/html.jpg", b"<!doctype html><title>404 Not Found</title>", "unreadable")
    corpus.write("fish/vector.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unreadable")
    corpus.write("fish/script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unreadable")
    corpus.write("fish/paper.png", b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF", "unreadable")
    corpus.write("fish/archive.jpg", b"PK\x03\x04" + bytes(60), "unreadable")
    corpus.write(
        "fish/pointer.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "unreadable"
    )
    corpus.write("fish/phone.jpg", b"\x00\x00\x00\x18ftypheic" + bytes(64), "unreadable")


def _cut_off(corpus: Corpus) -> None:
    for kind, suffix in (
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("GIF", "gif"),
        ("WEBP", "webp"),
        ("TIFF", "tif"),
        ("BMP", "bmp"),
    ):
        whole = encoded(corpus.next_picture((160, 120)), kind)
        for share in (0.1, 0.5, 0.9):
            corpus.write(f"fish/cut at {share:.0%}.{suffix}", whole[: int(share * len(whole))], "truncated")
    progressive = encoded(corpus.next_picture((160, 120)), "JPEG", progressive=True)
    corpus.write("fish/cut progressive.jpg", progressive[: len(progressive) // 2], "truncated")
    corpus.write("fish/cut header.png", b"\x89PNG\r\n\x1a\n\x00\x00", "truncated")
    corpus.write("fish/cut header.jpg", b"\xff\xd8\xff\xe0\x00", "truncated")


def _spoilt(corpus: Corpus) -> None:
    whole = bytearray(encoded(corpus.next_picture(), "PNG"))
    whole[29] ^= 0xFF
    corpus.write("fish/wrong sum of header.png", bytes(whole), "unreadable")
    data = bytearray(encoded(picture(77, (160, 120)), "PNG"))
    at = data.index(b"IDAT") + 40
    data[at : at + 30] = bytes(30)
    corpus.write("fish/spoilt inside.png", bytes(data), "unreadable")
    pixels = bytearray(encoded(corpus.next_picture(), "PNG"))
    pixels[-13] ^= 0xFF  # the sum of the last chunk of pixels
    corpus.write("fish/wrong sum of pixels.png", bytes(pixels))
    corpus.write("fish/no size.png", _png(0, 0), "unreadable")
    corpus.write("fish/bomb.png", _png(60_000, 60_000), "bomb")
    corpus.write(
        "fish/bomb.gif",
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\x08\0;",
        "bomb",
    )
    corpus.write("fish/bomb.bmp", _bmp(50_000, 50_000), "bomb")
    tables = encoded(corpus.next_picture(), "JPEG")
    corpus.write("fish/no tables.jpg", tables[:2] + tables[tables.index(b"\xff\xc0") :], "unreadable")
    corpus.write(
        "fish/loud.jpg", encoded(corpus.next_picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + bytes(60_000))
    )
    corpus.write("fish/broken notes.jpg", encoded(corpus.next_picture(), "JPEG", exif=b"Exif\0\0MM\0*broken"))
    corpus.write("fish/tail.png", encoded(corpus.next_picture(), "PNG") + b"something behind the end")
    rubbish = Image.new("RGB", (64, 64))
    rubbish.putdata([(i % 256, i // 16 % 256, 9) for i in range(64 * 64)])
    corpus.write("fish/bad profile.png", encoded(rubbish, "PNG", icc_profile=b"no profile"))


def _disguised(corpus: Corpus) -> None:
    for kind, name in (
        ("PNG", "a png.jpg"), ("WEBP", "a webp.jpg"), ("JPEG", "a jpeg.png"), ("BMP", "a bmp.png"),
        ("TIFF", "a tiff.jpeg"),
    ):  # fmt: skip
        corpus.write(f"fish/{name}", encoded(corpus.next_picture(), kind), "wrong_suffix")
    corpus.write("fish/a gif.png", encoded(corpus.next_picture(), "GIF"), "wrong_suffix", "palette")
    corpus.write("fish/LOUD.JPG", encoded(corpus.next_picture(), "JPEG"))


def _modes(corpus: Corpus) -> None:
    new = corpus.next_picture
    corpus.write("fish/print.jpg", encoded(new(mode="CMYK"), "JPEG"), "cmyk")
    corpus.write("fish/print.tif", encoded(new(mode="CMYK"), "TIFF"), "cmyk")
    deep = np.asarray(new(mode="L")).astype(np.uint16) * 257
    corpus.write("fish/deep.png", encoded(Image.fromarray(deep), "PNG"), "deep")
    corpus.write("fish/deep.tif", encoded(Image.fromarray(deep[::-1].copy()), "TIFF"), "deep")
    corpus.write("fish/deep colour.png", _deep_colour(np.asarray(new())), "deep")
    corpus.write(
        "fish/float.tif", encoded(Image.fromarray(np.asarray(new(mode="L")).astype(np.float32) / 255), "TIFF"), "deep"
    )
    corpus.write(
        "fish/integer.tif", encoded(Image.fromarray(np.asarray(new(mode="L")).astype(np.int32)), "TIFF"), "deep"
    )
    corpus.write("fish/palette.png", encoded(new(mode="P"), "PNG"), "palette")
    corpus.write("fish/palette cut out.png", encoded(new(mode="P"), "PNG", transparency=3), "palette", "alpha")
    corpus.write("fish/still.gif", encoded(new(), "GIF"), "palette")
    corpus.write("fish/bits.png", encoded(new(mode="1"), "PNG"))
    corpus.write("fish/bits.bmp", encoded(new(mode="1"), "BMP"))
    corpus.write("fish/bits.tif", encoded(new(mode="1"), "TIFF", compression="group4"))
    corpus.write("fish/grey.jpg", encoded(new(mode="L"), "JPEG"))
    corpus.write("fish/grey alpha.png", encoded(_with_alpha(new(), "LA"), "PNG"), "alpha")
    corpus.write("fish/alpha.png", encoded(_with_alpha(new(), "RGBA"), "PNG"), "alpha")
    corpus.write("fish/alpha.webp", encoded(_with_alpha(new(), "RGBA"), "WEBP", lossless=True), "alpha")
    corpus.write("fish/lab.tif", encoded(new(mode="LAB"), "TIFF"))
    corpus.write("fish/ycc.tif", encoded(new(mode="YCbCr"), "TIFF"))
    frames = [new() for _ in range(3)]
    more = {"save_all": True, "append_images": frames[1:]}
    corpus.write("fish/moving.gif", encoded(frames[0], "GIF", **more), "animated", "palette")
    corpus.write("fish/moving.webp", encoded(new(), "WEBP", **more), "animated")
    corpus.write("fish/moving.png", encoded(new(), "PNG", **more), "animated")
    corpus.write("fish/pages.tif", encoded(new(), "TIFF", **more), "animated")
    corpus.write("fish/long film.gif", _film(10_000), "animated", "palette")
    for turn in (3, 6):
        exif = Image.Exif()
        exif[274] = turn
        corpus.write(f"fish/turned {turn}.jpg", encoded(new(), "JPEG", exif=exif), "rotated")


def _shapes(corpus: Corpus) -> None:
    new = corpus.next_picture
    corpus.write("fish/dot.png", encoded(Image.new("RGB", (1, 1), (3, 1, 4)), "PNG"), "tiny")
    corpus.write("fish/dot.jpg", encoded(Image.new("RGB", (1, 1), (200, 1, 4)), "JPEG"), "tiny")
    corpus.write("fish/small.png", encoded(new((31, 40)), "PNG"), "tiny")
    corpus.write("fish/line.png", encoded(new((1, 5000)), "PNG"), "tiny", "narrow")
    corpus.write("fish/banner.jpg", encoded(new((400, 64)), "JPEG"), "narrow")
    corpus.write("fish/vast.png", encoded(Image.new("1", (6500, 6200)), "PNG"), "huge")


def _names(corpus: Corpus) -> None:
    composed = unicodedata.normalize("NFC", "grün")
    names = [
        "with  spaces .png", f"{composed}.png", f"{unicodedata.normalize('NFD', composed)}.jpg", "quote'\"`.png",
        "two\nlines.png", "tab\there.png", "-rf.png", "--help.png", "[bold red]x.png", "[link=file:x]y.png",
        "\x1b[31mred\x1b[0m.png", "\x1b]0;title\x07.png", "bell\x07.png", "back\x08\x08.png", "\u202egnp.jpg.png",
        "<script>alert(1).png", "<b>bold<b>.png", "&amp;.png", "%s%n{0}.png", "$(reboot);.png",
        "猫 🐈\u200d⬛.png",
        "a,b;c.png", "back\\slash.png", "con.png", "~root.png", "x" * 251 + ".png", "null.tar.gz.png", "*?.png",
    ]  # fmt: skip
    for name in names:
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        corpus.write(f"fish/{name}", encoded(corpus.next_picture(), kind))
    raw = os.fsdecode(os.fsencode(corpus.root) + b"/fish/caf\xe9.png")
    try:
        Path(raw).write_bytes(encoded(corpus.next_picture(), "PNG"))
    except OSError:  # this file system takes Unicode only
        return
    corpus.expected[os.path.relpath(raw, corpus.root)] = frozenset()


def _places(corpus: Corpus) -> None:
    """Make what is no file, or is somewhere else."""
    fish = corpus.root / "fish"
    os.mkfifo(corpus.place("fish/pipe.jpg", "special"))
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(fish)  # a socket's whole path must be short
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
    corpus.expected["fish/socket.png"] = frozenset({"special"})
    corpus.place("fish/device.png", "special").symlink_to("/dev/zero")
    corpus.place("fish/dangling.jpg", "lost").symlink_to("nowhere.jpg")
    corpus.place("fish/loop.png", "lost").symlink_to("loop.png")
    (fish / "round").symlink_to(fish)
    (fish / "folder.jpg").mkdir()
    corpus.write("fish/folder.jpg/inside.png", encoded(corpus.next_picture(), "PNG"))
    (fish / "nothing in here").mkdir()
    (corpus.root / "ghost").mkdir()
    corpus.expected["ghost"] = frozenset({"empty"})
    corpus.write("loose.png", encoded(corpus.next_picture(), "PNG"), "loose")
    corpus.write("fish/notes.txt", b"hello", "ignored")
    corpus.write("fish/.hidden.png", b"", *())
    locked = corpus.place("fish/locked.png", *(["locked"] if os.geteuid() else []))
    locked.write_bytes(encoded(corpus.next_picture(), "PNG"))
    locked.chmod(0)


def _twins(corpus: Corpus) -> None:
    """Write pictures several times: in a class, across classes, saved anew."""
    for number in range(EACH):
        corpus.write(f"Birds/{number:02}.png", encoded(corpus.next_picture(), "PNG"))
    corpus.expected["Birds"] = corpus.expected["bird"] = frozenset({"spelt_twice"})
    once = corpus.next_picture((96, 96))
    corpus.write("bird/once.png", encoded(once, "PNG"), "copies")
    corpus.write("bird/twice.bmp", encoded(once, "BMP"), "copies")
    torn = corpus.next_picture((96, 96))
    corpus.write("bird/torn.png", encoded(torn, "PNG"), "two_labels")
    corpus.write("fish/torn.tif", encoded(torn, "TIFF"), "two_labels")
    anew = corpus.next_picture((160, 120))
    corpus.write("bird/anew.png", encoded(anew, "PNG"), "alike")
    corpus.write("bird/anew.jpg", encoded(anew, "JPEG", quality=60), "alike")
    doubt = corpus.next_picture((160, 120))
    corpus.write("bird/doubt.png", encoded(doubt, "PNG"), "alike_labels")
    corpus.write("fish/doubt.jpg", encoded(doubt, "JPEG", quality=60), "alike_labels")
    for number in range(3):
        corpus.write(f"few/{number}.png", encoded(corpus.next_picture(), "PNG"))
    corpus.expected["few"] = frozenset({"few", "lopsided"})
    corpus.expected["fish"] = frozenset({"lopsided"})


def _png(width: int, height: int) -> bytes:
    """Return a PNG that promises much and holds little."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(9))) + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


def _deep_colour(pixels: np.ndarray) -> bytes:
    """Return an RGB PNG of 16 bits a channel, which Pillow reads but does not write."""
    height, width, _ = pixels.shape
    rows = (pixels.astype(">u2") * 257).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw)) + _chunk(b"IEND", b"")


def _with_alpha(image: Image.Image, mode: str) -> Image.Image:
    made = image.convert(mode)
    made.putalpha(Image.linear_gradient("L").resize(image.size))
    return made


def _film(frames: int) -> bytes:
    """Return a GIF of many small frames, written by hand, for Pillow would leave out those that do not differ."""
    palette = bytes([0, 0, 0, 250, 120, 10])
    head = b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x80, 0, 0) + palette
    first = encoded(picture(5, mode="1").convert("P"), "GIF")
    start = first.index(b",")
    frame = b",\0\0\0\0" + struct.pack("<HH", 2, 2) + b"\0\x02\x03\x84\x51\x00\x00"
    return head[:6] + first[6:start] + first[start:-1] + frame * (frames - 1) + b";"


def tables(root: Path) -> dict[str, str]:
    """Write CSVs beside ten good pictures; return by name the kind of finding expected, or words of an error."""
    for number in range(10):
        file = root / "in" / "img" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(picture(number), "PNG"))
    (root / "elsewhere.png").write_bytes(encoded(picture(99), "PNG"))
    rows = [f"img/{number}.png,{'odd' if number % 2 else 'even'}" for number in range(10)]
    good = "\n".join(["path,label", *rows, ""])
    cases: dict[str, tuple[bytes, str]] = {
        "mark": (good.encode("utf-8-sig"), ""),
        "windows": (good.replace("\n", "\r\n").encode(), ""),
        "no end": (good.strip().encode(), ""),
        "no header": ("\n".join(rows).encode(), "has no path column"),
        "no label": (good.replace("label", "mood").encode(), "has no label column"),
        "empty": (b"", "is empty"),
        "header alone": (b"path,label\n", "lists no file that exists"),
        "binary": (encoded(picture(1), "PNG"), "cannot be read as a CSV in UTF-8"),
        "utf16": (good.encode("utf-16"), "cannot be read as a CSV in UTF-8"),
        "latin1": (good.replace("odd", "ödd").encode("latin-1"), "cannot be read as a CSV in UTF-8"),
        "open quote": (good.encode() + b'"img/1.png,odd\n', "cannot be read as a CSV in UTF-8"),
        "stray quote": (good.encode() + b'"img/1.png"x,odd\n', "cannot be read as a CSV in UTF-8"),
        "huge cell": (good.encode() + b"a" * 200_000 + b",odd\n", "cannot be read as a CSV in UTF-8"),
        "nul": (good.encode() + b"img/\0.png,odd\n", "missing"),
        "lost": (good.encode() + b"img/none.png,odd\n", "missing"),
        "folder": (good.encode() + b"img,odd\n", "missing"),
        "long": (good.encode() + b"a" * 5000 + b".png,odd\n", "missing"),
        "nobody": (good.encode() + b"~nobody-at-all/1.png,odd\n", "missing"),
        "twice": (good.encode() + b"img/1.png,odd\n", "duplicate_row"),
        "short": (good.encode() + b"img/1.png\n", "incomplete"),
        "torn": (good.encode() + b"img/1.png,even\n", "has the label 'odd' in row 3 and 'even' in row 12"),
        "climbing": (good.encode() + b"../elsewhere.png,odd\n", "outside"),
        "absolute": (good.encode() + f"{root}/elsewhere.png,odd\n".encode(), "outside"),
        "split": (
            good.replace("\n", ",\n").replace("label,", "label,split").encode() + b"img/1.png,odd,later\n",
            "split",
        ),
    }
    for name, (content, _) in cases.items():
        (root / "in" / f"{name}.csv").write_bytes(content)
    os.mkfifo(root / "in" / "pipe.csv")
    return {**{name: expected for name, (_, expected) in cases.items()}, "pipe": "it is not a file"}


def told(findings: Iterable[object]) -> Expected:
    """Return the kinds of findings that name each file."""
    kinds: dict[str, set[str]] = {}
    for finding in findings:
        for name in finding.files:  # type: ignore[attr-defined]
            kinds.setdefault(name, set()).add(finding.kind)  # type: ignore[attr-defined]
    return {name: frozenset(of) for name, of in kinds.items()}


def mistakes(corpus: Corpus, found: Expected) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return (expected, told) for each file that is not named as it should be."""
    names = corpus.expected.keys() | found.keys()
    pairs = {name: (corpus.expected.get(name, frozenset()), found.get(name, frozenset())) for name in names}
    return {name: pair for name, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def main() -> None:
    from autotl.data import load

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder for the corpus")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True)
    corpus = make(folder)
    wrong = mistakes(corpus, told(load(folder).findings))
    for name, (expected, found) in wrong.items():
        print(f"{name!r}: expected {sorted(expected)}, told {sorted(found)}")
    print(f"{len(corpus.expected)} files and folders, {len(corpus.expected) - len(wrong)} named as they should be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
