"""Hostile and odd files: every one is named for what it is, none is changed, and nothing ends in a traceback."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autotl.cli import app
from autotl.data import load
from autotl.data.check import check_one
from autotl.data.decode import decode, try_decode_many
from autotl.data.table import read_table
from autotl.data.unlabelled import pictures_in
from autotl.errors import DataError

from . import corpus as maker

LEFT_OUT = {"unreadable", "truncated", "empty_file", "bomb", "locked", "lost", "special"}
MUTATIONS = 60  # of each format


def state(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what could change of every file: its content, rights and time."""
    seen = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = sha256(path.read_bytes()).hexdigest() if path.is_file() and os.access(path, os.R_OK) else ""
        seen[str(path)] = (content, status.st_mode, status.st_mtime_ns, status.st_size)
    return seen


def autotl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "autotl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return maker.make(tmp_path_factory.mktemp("corpus") / "data")


@pytest.fixture(scope="module")
def dataset(corpus):
    before = state(corpus.root)
    dataset = load(corpus.root)
    assert state(corpus.root) == before
    return dataset


def test_the_corpus_is_large_and_knows_every_kind_of_trouble_with_files(corpus):
    odd = [name for name, kinds in corpus.expected.items() if kinds]
    assert len(odd) >= 60
    assert {*LEFT_OUT, "wrong_suffix", "copies", "two_labels"} - {"locked"} <= set().union(*corpus.expected.values())


def test_every_file_is_named_for_what_it_is(corpus, dataset):
    assert maker.mistakes(corpus, maker.told(dataset.findings)) == {}


def test_every_usable_picture_is_kept_and_no_other(corpus, dataset):
    kept = {os.path.relpath(picture.path, corpus.root) for picture in dataset.pictures}
    lost = {name for name, kinds in corpus.expected.items() if kinds & {*LEFT_OUT, "loose", "ignored"}}
    files = {name for name in corpus.expected if (corpus.root / name).is_file() and "/." not in name}
    assert kept == files - lost


def test_the_command_names_them_too_and_changes_nothing(corpus, dataset):
    before = state(corpus.root)
    done = autotl("check", corpus.root, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    findings = json.loads(done.stdout)["findings"]
    assert [(each["kind"], tuple(each["files"])) for each in findings] == [(f.kind, f.files) for f in dataset.findings]
    assert state(corpus.root) == before


def test_no_name_reaches_the_terminal_as_it_is(tmp_path):
    names = ["\x1b[31mred", "\x1b]0;title\x07", "two\nlines", "[bold red]x", "\u202egnp", "caf\udce9"]
    for number in range(6):
        file = tmp_path / "data" / names[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(maker.encoded(maker.picture(number), "PNG"))
    for name in names:
        (tmp_path / "data" / names[0] / f"{name}.png").write_bytes(b"")
    for arguments in (("check", tmp_path / "data", "--files"), ("check", tmp_path / "data" / names[0])):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        shown = done.output
        assert "Traceback" not in shown
        assert all(char == "\n" or char.isprintable() for char in shown)
        assert "\\x1b[31mred" in shown
    assert "[bold red]x.png" in CliRunner().invoke(app, ["check", str(tmp_path / "data"), "--files"]).stdout


def test_what_predicts_reads_decodes_or_refuses_each_file_by_name(corpus):
    paths = pictures_in([corpus.root])
    assert len(paths) > 100
    for (_, made), path in zip(try_decode_many(paths, (8, 8)), paths, strict=True):
        name = os.path.relpath(path, corpus.root)
        if isinstance(made, DataError):
            assert corpus.expected[name] & LEFT_OUT, name
            assert str(path) in str(made)
        else:
            assert made.shape == (8, 8, 3)
            assert not corpus.expected[name] & LEFT_OUT, name


def test_every_table_is_read_or_refused_in_one_line(tmp_path):
    wrong = {}
    for name, expected in maker.tables(tmp_path).items():
        file = tmp_path / "in" / f"{name}.csv"
        try:
            kinds = {finding.kind for finding in read_table(file).findings}
            right = kinds == ({expected} if expected else set())
        except DataError as error:
            kinds = str(error)  # type: ignore[assignment]
            right = expected in str(error) and "\n" not in str(error)
        if not right:
            wrong[name] = (expected, kinds)
    assert wrong == {}


def mutated(content: bytes, seed: int) -> bytes:
    """Return a file with some of its bytes flipped, lost, repeated or made extreme."""
    chance = random.Random(seed)
    made = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 32))):
        at = chance.randrange(len(made)) if chance.random() < 0.5 else chance.randrange(min(64, len(made)))
        change = chance.randrange(5)
        if change == 0:
            made[at] ^= 1 << chance.randrange(8)
        elif change == 1:
            made[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        elif change == 2:
            del made[at : at + chance.randrange(1, 40)]
        elif change == 3:
            made[at:at] = made[at : at + chance.randrange(1, 40)]
        else:
            made[at] = chance.randrange(256)
        made = made or bytearray(1)
    return bytes(made)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "P"), ("GIF", "P"), ("WEBP", "RGB"), ("TIFF", "RGB"), ("BMP", "RGB")],
)
def test_no_mutation_of_a_good_file_is_too_much(tmp_path, kind, mode):
    whole = maker.encoded(maker.picture(7, (40, 30), mode), kind)
    path = tmp_path / "a.jpg"
    for seed in range(MUTATIONS):
        path.write_bytes(mutated(whole, seed))
        checked = check_one(path)
        try:
            made = decode(path, (8, 8))
        except DataError as error:
            assert str(path) in str(error)
        else:
            assert made.shape == (8, 8, 3)
            assert made.dtype == np.uint8
        assert bool(checked.problem) == (checked.width == 0)


CELLS = st.lists(
    st.lists(st.one_of(st.text(max_size=8), st.sampled_from(["a.png", "~", "..", '"', "", "cat"]))), max_size=6
)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=60), CELLS), st.sampled_from([b"path,label\n", b"label;path;split\n", b""]))
def test_no_table_is_too_much(tmp_path_factory, rows, header):
    content = rows if isinstance(rows, bytes) else "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.with_name("a.png").write_bytes(b"x")
    file.write_bytes(header + content)
    try:
        assert read_table(file).entries
    except DataError as error:
        assert str(file) in str(error)
