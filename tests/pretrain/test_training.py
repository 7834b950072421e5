from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from autotl.pretrain.journal import Standing
from autotl.pretrain.settings import make
from autotl.pretrain.training import VIEW_SHARE, Training


def training(elapsed: float, uses: list[int], view_seconds: float, **settings) -> Training:
    """A run of 1,000 seconds that has used some of them."""
    config = make(sources=("pictures",), out="mine.keras", **{"seconds": 1000.0, **settings})
    standing = Standing("settings", "sources", elapsed=elapsed, uses=uses, view_seconds=view_seconds)
    began = time.monotonic()
    return Training(config, SimpleNamespace(size=640), None, standing, None, lambda told: None, began)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("elapsed", "uses", "view_seconds", "chosen"),
    [
        (0, [], 0, 0),  # there is none yet
        (500, [3, 1, 2], 30, 3),  # views had far less than their share: a new one
        (500, [3, 1, 2], 500 * VIEW_SHARE, 1),  # they had it all: the one used least
        (850, [3, 1, 2], 30, 1),  # near the end steps count for more
    ],
)
def test_new_views_are_made_within_their_share_of_the_time_and_not_near_its_end(elapsed, uses, view_seconds, chosen):
    assert training(elapsed, uses, view_seconds)._next() == chosen


def test_there_are_never_more_views_than_asked_for():
    assert training(500, [2, 2, 1], 0, views=3)._next() == 2
    assert training(0, [2, 2, 1], 0, views=4, seconds=None, epochs=10)._next() == 3
