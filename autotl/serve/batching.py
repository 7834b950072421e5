"""Brings pictures of many requests together, since a model answers sixteen hardly later than one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Row = NDArray[np.float32]
Infer = Callable[[Pixels], NDArray[np.float32]]


class Batcher:
    """One thread that computes: what comes within `wait` seconds is answered together, `largest` pictures at most.

    Batches are filled up to a power of two, and each of these sizes is tried once before `__enter__` returns,
    because a model is compiled anew for every shape.
    """

    def __init__(self, infer: Infer, shape: tuple[int, int, int], *, largest: int = 16, wait: float = 0.004) -> None:
        self.largest = largest
        self._infer = infer
        self._shape = shape
        self._wait = wait
        self._sizes = [*(2**power for power in range(largest.bit_length()) if 2**power < largest), largest]
        self._waiting: SimpleQueue[tuple[Pixels, Future[Row]] | None] = SimpleQueue()
        self._warm: Future[None] = Future()
        self._thread = Thread(target=self._work, name="inference", daemon=True)

    def __enter__(self) -> Batcher:
        self._thread.start()
        self._warm.result()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    @property
    def ready(self) -> bool:
        """Whether it answers: it is warm, and its thread runs."""
        return self._warm.done() and self._thread.is_alive()

    def submit(self, pixels: Pixels) -> Future[Row]:
        """Return what will be the probabilities `(classes,)` of one picture `(height, width, 3)`."""
        answer: Future[Row] = Future()
        self._waiting.put((pixels, answer))
        return answer

    def _work(self) -> None:
        try:
            for size in self._sizes:
                self._infer(np.zeros((size, *self._shape), np.uint8))
        except BaseException as error:
            self._warm.set_exception(error)
            return
        self._warm.set_result(None)
        while batch := self._gather():
            self._answer([(pixels, answer) for pixels, answer in batch if answer.set_running_or_notify_cancel()])

    def _gather(self) -> list[tuple[Pixels, Future[Row]]]:
        """Return the next batch, as soon as it is full or its first picture has waited; none at the end."""
        first = self._waiting.get()
        if first is None:
            return []
        batch = [first]
        until = time.monotonic() + self._wait
        while len(batch) < self.largest:
            try:
                one = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if one is None:
                self._waiting.put(None)  # the end, but after this batch
                break
            batch.append(one)
        return batch

    def _answer(self, batch: list[tuple[Pixels, Future[Row]]]) -> None:
        if not batch:
            return
        pixels = np.zeros((next(size for size in self._sizes if size >= len(batch)), *self._shape), np.uint8)
        pixels[: len(batch)] = [one for one, _ in batch]
        try:
            rows = self._infer(pixels)
        except Exception as error:  # of these pictures; the next may do
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), row in zip(batch, rows, strict=False):
            answer.set_result(row)
