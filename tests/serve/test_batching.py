from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl.serve.batching import Batcher

SHAPE = (2, 3, 3)


class Means:
    """A model whose answer is the mean of a picture; it keeps the shapes it saw, and waits when it is told to."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, pixels):
        self.may_go.wait(10)
        self.shapes.append(pixels.shape)
        if (pixels == 13).all(axis=(1, 2, 3)).any():
            raise ValueError("thirteen")
        return pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]


def picture(value: int):
    return np.full(SHAPE, value, np.uint8)


@given(values=st.lists(st.integers(14, 255), max_size=40), largest=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_each_picture_gets_its_own_answer_and_no_shape_is_new(values, largest) -> None:
    model = Means()
    with Batcher(model, SHAPE, largest=largest, wait=0) as batcher:
        warmed = set(model.shapes)
        answers = [batcher.submit(picture(value)) for value in values]
    assert [answer.result()[0] for answer in answers] == values
    assert set(model.shapes) == warmed
    assert max(shape[0] for shape in warmed) == largest


def test_pictures_that_wait_are_answered_together() -> None:
    model = Means()
    with Batcher(model, SHAPE, largest=4, wait=0) as batcher:
        model.shapes.clear()
        model.may_go.clear()
        first = batcher.submit(picture(1))
        while not first.running():
            pass
        others = [batcher.submit(picture(value)) for value in range(2, 6)]
        model.may_go.set()
        assert [other.result()[0] for other in others] == [2, 3, 4, 5]
    assert model.shapes == [(1, *SHAPE), (4, *SHAPE)]


def test_a_picture_waits_for_others() -> None:
    model = Means()
    with Batcher(model, SHAPE, largest=2, wait=10) as batcher:
        model.shapes.clear()
        answers = [batcher.submit(picture(value)) for value in (1, 2)]
        assert [answer.result()[0] for answer in answers] == [1, 2]
    assert model.shapes == [(2, *SHAPE)]


def test_a_model_that_fails_on_one_batch_answers_the_next() -> None:
    with Batcher(Means(), SHAPE, wait=0) as batcher:
        with pytest.raises(ValueError, match="thirteen"):
            batcher.submit(picture(13)).result()
        assert batcher.submit(picture(14)).result()[0] == 14
        assert batcher.ready
    assert not batcher.ready


def test_a_model_that_cannot_answer_at_all_is_told_at_once() -> None:
    def broken(pixels):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        Batcher(broken, SHAPE).__enter__()


def test_an_answer_that_nobody_waits_for_any_more_disturbs_no_other() -> None:
    model = Means()
    with Batcher(model, SHAPE, wait=0) as batcher:
        model.may_go.clear()
        first = batcher.submit(picture(1))
        while not first.running():
            pass
        given_up, wanted = batcher.submit(picture(2)), batcher.submit(picture(3))
        assert given_up.cancel()
        model.may_go.set()
        assert wanted.result()[0] == 3
