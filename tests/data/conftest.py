"""Small pictures, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Draw = Callable[..., Path]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Return a function that saves one plain picture below `tmp_path`; each call has its own grey."""
    count = 0

    def saved(name: str, colour: object = None, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = (count % 256, count // 256, 7)
        Image.new(mode, size, grey if colour is None else colour).save(path, **options)
        return path

    return saved


@pytest.fixture
def many(draw: Draw) -> Callable[..., None]:
    """Return a function that saves `count` different PNG pictures in a folder."""

    def saved(folder: str, count: int) -> None:
        for number in range(count):
            draw(f"{folder}/{number:03}.png")

    return saved
