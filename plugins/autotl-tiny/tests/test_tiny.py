from __future__ import annotations

from pathlib import Path

import pytest

import autotl
from autotl.plugins import catalogue
from autotl.testing import AugmentationSuite, BackboneSuite, HeadSuite

SOURCE = Path(__file__).parents[1] / "src" / "autotl_tiny" / "__init__.py"


@pytest.fixture(scope="module")
def parts():
    """The plugin's parts, read from its file: it need not be installed."""
    return catalogue([SOURCE], without=["tiny"])


class TestTiny(BackboneSuite):
    @pytest.fixture
    def part(self, parts) -> autotl.Backbone:
        return parts.backbone("tiny")


class TestTinyHead(HeadSuite):
    @pytest.fixture
    def part(self, parts) -> autotl.Head:
        return parts.head("tiny_head")


class TestTinyShift(AugmentationSuite):
    @pytest.fixture
    def part(self, parts) -> autotl.Augmentation:
        return parts.augmentation("tiny_shift")


def test_the_built_in_weights_are_the_same_every_time(parts):
    first, second = (parts.backbone("tiny").build(32, weights="built-in") for _ in range(2))
    pairs = list(zip(first.get_weights(), second.get_weights(), strict=True))
    assert len(pairs) == 6
    assert all((a == b).all() for a, b in pairs)


def test_the_number_of_parameters_is_told_rightly(parts):
    assert parts.backbone("tiny").build(32, weights="random").count_params() == parts.backbone("tiny").parameters
