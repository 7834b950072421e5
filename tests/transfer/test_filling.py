"""Arrays on their way into the feature store."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.transfer.filling import Filling, fill


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_blocks_of_any_length_are_written_in_their_order(tmp_path_factory: pytest.TempPathFactory, lengths: list[int]):
    path = tmp_path_factory.mktemp("entry") / "data.npy"
    rows = np.arange(sum(lengths) * 3, dtype=np.float32).reshape(-1, 3)
    filling = Filling(path, rows.shape, "float32")
    fill([filling], ([block] for block in np.split(rows, np.cumsum(lengths)[:-1])))
    assert filling.close() == zlib.crc32(rows.data)
    assert (np.load(path) == rows).all()


def test_an_error_in_writing_reaches_the_one_who_computes_the_rows(tmp_path: Path):
    filling = Filling(tmp_path / "data.npy", (4, 2), "float32")
    asked = []

    def blocks():
        for number in range(4):
            asked.append(number)
            yield [np.zeros((1, 2 if number == 0 else 3))]  # three values do not fit into rows of two

    with pytest.raises(ValueError, match="broadcast"):
        fill([filling], blocks())
    assert len(asked) < 4


def test_rows_that_are_missing_are_told(tmp_path: Path):
    filling = Filling(tmp_path / "data.npy", (2, 2), "float32")
    fill([filling], [[np.zeros((1, 2), np.float32)]])
    with pytest.raises(ValueError, match="2 rows was filled with 1"):
        filling.close()


@pytest.mark.parametrize(
    ("offset", "spread", "fits"),
    [
        (0.0, 1.0, True),
        (1.0, 0.5, True),
        (0.0, 1e-3, True),
        (1.0, 1e-3, False),  # steps of float16 are as large there
        (100.0, 0.5, False),
        (0.0, 1e-7, False),  # near 0 it has steps of 6e-8
        (0.0, 0.0, False),
        (1e5, 1e4, False),  # more than it can hold
    ],
)
def test_rows_that_half_precision_would_blur_or_cannot_hold_ask_for_a_wider_format(
    tmp_path: Path, rng, offset, spread, fits
):
    filling = Filling(tmp_path / "data.npy", (32, 3, 3, 8), "float16")
    places = rng.normal(0, offset, (3, 3, 8))  # how places of a picture differ says nothing of pictures
    with np.errstate(over="ignore"):
        filling.add((offset + places + rng.normal(0, spread, (32, 3, 3, 8))).astype("float16"))
    assert filling.too_narrow is not fits


@given(rows=st.integers(2, 9), size=st.integers(1, 9000), scale=st.floats(-3, 3), share=st.floats(0.05, 1))
def test_half_precision_loses_no_more_than_a_hundredth_of_the_spread(tmp_path_factory, rows, size, scale, share):
    rng = np.random.default_rng(rows * size)
    exact = 10.0**scale * (1 + share * rng.normal(size=(rows, size)))
    filling = Filling(tmp_path_factory.mktemp("entry") / "data.npy", exact.shape, "float16")
    filling.add(exact.astype("float16"))
    lost = np.sqrt(np.mean((exact.astype("float16") - exact) ** 2) / np.mean(exact.var(axis=0)))
    assert filling.too_narrow or lost < 0.015


@pytest.mark.parametrize("shape", [(1, 2), (3, 0)])
def test_one_row_alone_or_rows_of_nothing_are_kept_as_they_are(tmp_path: Path, shape):
    filling = Filling(tmp_path / "data.npy", shape, "float16")
    filling.add(np.ones(shape))
    assert not filling.too_narrow
