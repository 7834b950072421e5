from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from autotl.report.curves import draw

BLUE, ORANGE = (0x4C, 0x78, 0xA8), (0xF5, 0x85, 0x18)


def has_colour(path, colour) -> bool:
    with Image.open(path) as picture:
        return bool((np.asarray(picture.convert("RGB")) == colour).all(axis=-1).any())


def test_the_curves_of_training_and_validation_are_drawn(record, tmp_path) -> None:
    path = draw(record(3), tmp_path / "best" / "curves.png")
    assert has_colour(path, BLUE)
    assert has_colour(path, ORANGE)
    assert [file.name for file in path.parent.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("history", [(), ({"epoch": 1.0, "loss": float("nan"), "valid_accuracy": None},)])
def test_a_trial_without_numbers_still_gives_a_picture(record, tmp_path, history) -> None:
    path = draw(dataclasses.replace(record(3), history=history), tmp_path / "curves.png")
    assert not has_colour(path, BLUE)


def test_a_single_epoch_is_a_point(record, tmp_path) -> None:
    one = dataclasses.replace(record(3), history=record(3).history[:1], best_epoch=1)
    assert has_colour(draw(one, tmp_path / "curves.png"), ORANGE)


def test_names_with_dollars_are_not_read_as_mathematics(record, tmp_path) -> None:
    assert draw(record(3, backbone="a$b_{$"), tmp_path / "curves.png").is_file()


def test_a_failed_drawing_leaves_the_old_picture(record, tmp_path) -> None:
    path = draw(record(3), tmp_path / "curves.png")
    before = path.read_bytes()
    broken = dataclasses.replace(record(3), history=({"epoch": 1.0, "loss": "much"},))
    with pytest.raises(TypeError):
        draw(broken, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]
