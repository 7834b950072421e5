"""What tests of whole searches share: pictures, a cache, workers; and which files begin first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import pictures, warm

LONG = (  # half a minute or more each; begun first, none keeps one process busy when the others have ended
    "test_backends.py",
    "workers/test_pool.py",
    "test_flow.py",
    "test_examples.py",
    "pretrain/test_flow.py",
    "test_agenda.py",
    "test_resume.py",
    "test_faults.py",
    "test_limits.py",
    "test_conductor.py",
    "test_plugin_guide.py",
    "test_offline.py",
    "test_killed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    long = [Path(__file__).parent / name for name in LONG]
    items.sort(key=lambda item: long.index(item.path) if item.path in long else len(long))


@pytest.fixture(scope="session", autouse=True)
def workers() -> Iterator[None]:
    """Workers that start in no time, where they can be forked; `warm.cold` starts one as users have it."""
    can_be_forked = os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"  # JAX has threads once imported
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux" and can_be_forked:
            patch.setattr("autotl.workers.process.spawn", warm.spawn)
        yield


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A cache of their own: one for all, since what is cached can be used by the next."""
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTL_CACHE", str(place))
        yield place


@pytest.fixture(scope="module")
def data(tmp_path_factory, cache) -> Path:
    """Twelve pictures of each of two classes."""
    return pictures.write(tmp_path_factory.mktemp("data"))


@pytest.fixture
def shades(tmp_path) -> Path:
    """Three dark and two bright pictures, in class folders."""
    from PIL import Image

    for name, grey in {"dark/a": 0, "dark/b": 60, "dark/in/c": 90, "bright/d": 255, "bright/e": 200}.items():
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), (grey, grey, grey)).save(path)
    return tmp_path / "pictures"
