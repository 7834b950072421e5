from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.transfer.store import FeatureStore, Wanted, digest

PLAIN = st.one_of(st.integers(), st.text(max_size=8), st.booleans(), st.none())
ABOUT = st.dictionaries(st.text(min_size=1, max_size=8), PLAIN, min_size=1, max_size=5)


def rows(count: int = 6, value: float = 1.0):
    """Four rows at a time, `value` times 1 to 4."""
    for start in range(0, count, 4):
        yield np.outer(value * np.arange(1, min(4, count - start) + 1), np.ones(3, np.float32)).astype(np.float32)


def whole(count: int = 6, value: float = 1.0):
    return np.concatenate(list(rows(count, value)))


def store(folder: Path, quota: int = 10**9) -> FeatureStore:
    return FeatureStore(folder, quota)


@given(ABOUT)
def test_the_name_of_an_entry_does_not_depend_on_the_order_of_its_fields(about):
    assert digest(about) == digest(dict(reversed(list(about.items()))))


@given(ABOUT, ABOUT)
def test_different_contents_have_different_names(one, other):
    plain = [json.dumps(about, sort_keys=True) for about in (one, other)]
    assert (digest(one) == digest(other)) == (plain[0] == plain[1])


def test_an_entry_is_computed_once_and_then_read(tmp_path):
    calls = []

    def blocks():
        calls.append(1)
        return rows()

    first = store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", blocks)
    again = store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", blocks)
    assert len(calls) == 1
    assert first.dtype == np.float16
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 2


def test_values_too_large_for_half_precision_are_kept_in_single(tmp_path):
    array = store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", lambda: rows(value=1e6))
    assert array.dtype == np.float32
    assert array[0, 0] == np.float32(1e6)


def test_an_interrupted_write_leaves_nothing_that_is_read(tmp_path):
    def torn():
        yield np.ones((4, 3), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", torn)
    assert store(tmp_path).entries() == []
    assert not list((tmp_path / "features").iterdir())
    assert store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", rows).shape == (6, 3)


def test_too_few_rows_are_an_error_and_no_entry(tmp_path):
    with pytest.raises(ValueError, match="6 rows was filled with 4"):
        store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", lambda: rows(4))
    assert store(tmp_path).entries() == []


def test_a_damaged_entry_is_computed_again(tmp_path):
    store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", rows)
    (file,) = tmp_path.glob("features/*/data.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 0xFF
    file.write_bytes(bytes(content))
    again = store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", rows)
    np.testing.assert_array_equal(again, whole())


def test_a_truncated_entry_is_computed_again(tmp_path):
    store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", rows)
    (file,) = tmp_path.glob("features/*/data.npy")
    file.write_bytes(file.read_bytes()[:-5])
    np.testing.assert_array_equal(store(tmp_path).fetch({"what": "a"}, (6, 3), "float16", rows), whole())


def test_the_entry_not_used_for_longest_goes_first(tmp_path):
    size = 1000 * 3 * 2
    kept = store(tmp_path, quota=int(2.6 * size))
    for name, age in (("old", 300), ("young", 100)):
        kept.fetch({"what": name}, (1000, 3), "float16", lambda: rows(1000))
        entry = tmp_path / "features" / digest({"what": name}) / "about.json"
        os.utime(entry, (time.time() - age,) * 2)
    kept.fetch({"what": "old"}, (1000, 3), "float16", rows)  # used again: now the other one is older
    kept.fetch({"what": "new"}, (1000, 3), "float16", lambda: rows(1000))
    assert {entry.about["what"] for entry in kept.entries()} == {"old", "new"}


def test_an_evicted_array_that_is_open_can_still_be_read(tmp_path):
    kept = store(tmp_path, quota=3000)
    array = kept.fetch({"what": "a"}, (400, 3), "float16", lambda: rows(400))
    kept.fetch({"what": "b"}, (400, 3), "float16", lambda: rows(400, 2.0))
    assert not kept.has({"what": "a"})
    np.testing.assert_array_equal(array, whole(400))


def test_clear_removes_all_or_only_what_is_old(tmp_path):
    kept = store(tmp_path)
    for name in ("a", "b"):
        kept.fetch({"what": name}, (6, 3), "float16", rows)
    os.utime(tmp_path / "features" / digest({"what": "a"}) / "about.json", (time.time() - 10 * 86400,) * 2)
    count, size = kept.clear(older_than_days=5)
    assert (count, size > 0) == (1, True)
    assert [entry.about["what"] for entry in kept.entries()] == ["b"]
    assert kept.clear()[0] == 1
    assert kept.entries() == []


FILL = """
import sys, time
from pathlib import Path
import numpy as np
from autotl.transfer.store import FeatureStore

def blocks():
    with Path(sys.argv[2]).open("a") as file:
        file.write("computed\\n")
    time.sleep(0.2)
    return [np.arange(18).reshape(6, 3)]

array = FeatureStore(Path(sys.argv[1]), 10**9).fetch({"what": "a"}, (6, 3), "float16", blocks)
assert (array.ravel() == np.arange(18)).all()
"""


def test_two_processes_never_compute_one_entry_twice(tmp_path):
    command = [sys.executable, "-c", FILL, str(tmp_path / "store"), str(tmp_path / "log")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "log").read_text().splitlines() == ["computed"]


def test_several_arrays_are_filled_side_by_side_and_only_those_that_are_missing(tmp_path):
    kept = store(tmp_path)
    wanted = [Wanted({"what": name}, (400, 3), "float16") for name in "abc"]
    kept.fetch(wanted[1].about, (400, 3), "float16", lambda: rows(400, 9.0))
    asked = []

    def blocks(missing):
        asked.append([each.about["what"] for each in missing])
        for block in rows(400):
            yield [block + number for number in range(len(missing))]

    one, two, three = kept.fetch_all(wanted, blocks)
    assert asked == [["a", "c"]]
    assert (two == whole(400, 9.0)).all()
    np.testing.assert_allclose(three, one + 1, rtol=1e-2)


def test_only_the_array_whose_values_are_too_large_becomes_wider(tmp_path):
    kept = store(tmp_path)
    wanted = [Wanted({"what": name}, (8, 2), "float16") for name in "ab"]

    def blocks(missing):
        values = {"a": 1.0, "b": 1e6}
        yield [values[each.about["what"]] * np.arange(16).reshape(8, 2) for each in missing]

    small, large = kept.fetch_all(wanted, blocks)
    assert (small.dtype, large.dtype) == (np.float16, np.float32)
    assert (large.ravel() == 1e6 * np.arange(16)).all()
