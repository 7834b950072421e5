from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest

from autotl.builtin import acorn
from autotl.plugins import catalogue
from autotl.pretrain.card import read_card

FILE = Path(acorn.__file__).with_name("acorn.keras")


@pytest.fixture(scope="module")
def part():
    return catalogue().backbone("acorn")


def test_it_comes_with_autotl_and_is_small(part):
    assert not part.needs_download
    assert FILE.stat().st_size < 5e6


def test_its_card_is_that_of_its_file_and_tells_where_it_is_from():
    card = read_card(FILE)
    assert card is not None
    assert card.weights_sha256 == hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert card.recipe["stored_as"] == "float16"
    assert all(source["licence"] != "not told" and source["fingerprint"] for source in card.sources)
    assert card.teacher["name"] == "mobilenet_v2"
    assert FILE.with_suffix(".md").read_text("utf-8") == card.markdown()
    words = shlex.split(card.command)
    assert words[:2] == ["autotl", "pretrain"]
    assert not any("/" in word for word in words)


def test_its_card_shows_that_it_learnt_something():
    card = read_card(FILE)
    assert card is not None
    natural = [row for row in card.probes if row["data"] in ("hymenoptera", "flowers5")]
    assert len(natural) == 2
    for other in ("random", "pixels"):
        assert np.mean([row["features"] - row[other] for row in natural]) >= 0.10


@pytest.mark.parametrize("size", [32, 64, 128])
def test_it_takes_any_size_of_picture_and_sees_differences(part, size):
    model = part.build(size, weights=part.weights)
    pictures = np.random.default_rng(0).uniform(0, 255, (4, size, size, 3)).astype("float32")
    made = np.asarray(model(pictures))
    assert made.shape == (4, size // 16, size // 16, 256)
    assert np.isfinite(made).all()
    assert made.std(axis=0).mean() > 0.1 * made.mean() > 0


def test_random_weights_are_others(part):
    keras.utils.set_random_seed(0)
    known, random = (part.build(32, weights=weights).get_weights() for weights in (part.weights, "random"))
    assert not np.array_equal(known[0], random[0])
