from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autotl.transfer.store import FeatureStore


@pytest.fixture
def kept(tmp_path) -> Path:
    """A store with two entries, one of them last used long ago."""
    store = FeatureStore(tmp_path / "kept", 10**9)
    for name in ("old", "new"):
        store.fetch(
            {"what": "features", "backbone": name, "size": 32},
            (2, 3),
            "float32",
            lambda: iter([np.zeros((2, 3), np.float32)]),
        )
    return tmp_path / "kept"


def test_show_lists_what_is_kept(autotl, kept) -> None:
    text = autotl("cache", "show", "--cache", kept).stdout
    assert "features of old at 32 px" in text
    assert "2 entries" in text
    answer = json.loads(autotl("cache", "show", "--cache", kept, "--json").stdout)
    assert {entry["about"]["backbone"] for entry in answer["entries"]} == {"old", "new"}
    assert answer["bytes"] == sum(entry["bytes"] for entry in answer["entries"]) > 0


def test_an_empty_cache_is_no_error(autotl, tmp_path) -> None:
    done = autotl("cache", "show", "--cache", tmp_path / "none")
    assert done.exit_code == 0
    assert done.stdout.startswith("0 entries, 0 B")


def test_clear_asks_first(autotl, kept) -> None:
    assert autotl("cache", "clear", "--cache", kept, input="n\n").exit_code == 1
    assert len(FeatureStore(kept, 10**9).entries()) == 2
    assert "2 entries deleted" in autotl("cache", "clear", "--cache", kept, input="y\n").stdout
    assert FeatureStore(kept, 10**9).entries() == []


def test_clear_can_spare_what_was_used_lately(autotl, kept) -> None:
    assert autotl("cache", "clear", "--cache", kept, "--older-than", "1", "--yes").stdout.startswith(
        "0 entries deleted"
    )
    assert len(FeatureStore(kept, 10**9).entries()) == 2
