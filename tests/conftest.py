"""Pictures and a cache for the tests of whole searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import pictures


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
