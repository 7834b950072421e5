from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl import labels
from autotl.errors import RunError

FILE = Path("m.keras")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(PLAIN | st.fixed_dictionaries({}, optional={"classes": PLAIN, "image_size": PLAIN | st.lists(st.integers())}))
def test_labels_can_be_used_or_are_refused_in_one_line(content):
    with contextlib.suppress(RunError):
        told = labels.parsed(json.dumps(content), FILE)
        assert isinstance(told.get("classes", []), list)
        height, width = told.get("image_size", (1, 1))
        assert 0 < height <= 4096
        assert 0 < width <= 4096


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\xfa", b"[" * 100_000, b"{1: 2}"])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(RunError, match=r"The labels of m\.keras are not JSON"):
        labels.parsed(content, FILE)


def test_a_file_that_is_far_too_large_for_labels_is_not_read(tmp_path):
    with labels.sidecar(tmp_path / "m.onnx").open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no room
    with pytest.raises(RunError, match=r"m\.labels\.json are 1,099,511,627,776 bytes"):
        labels.beside(tmp_path / "m.onnx")
