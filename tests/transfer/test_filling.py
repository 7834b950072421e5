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


@pytest.mark.parametrize(("largest", "fits"), [(1.0, True), (0.02, True), (0.005, False), (0.0, False), (1e5, False)])
def test_values_that_half_precision_would_blur_or_cannot_hold_ask_for_a_wider_format(tmp_path: Path, largest, fits):
    filling = Filling(tmp_path / "data.npy", (2, 2), "float16")
    filling.add(np.array([[0.0, 1e-4], [-largest, 0.0]], np.float32) * (largest > 0))
    assert filling.too_narrow is not fits
