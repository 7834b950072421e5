from __future__ import annotations

import pytest

from autotl import lineup
from autotl.config import PRESETS
from autotl.lineup import ON_CPU, ON_GPU, default_backbones
from autotl.plugins import catalogue


@pytest.fixture(scope="module")
def parts():
    return catalogue()


@pytest.mark.parametrize("gpus", [0, 1])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_knows_backbones_for_every_device(parts, monkeypatch, preset, gpus):
    monkeypatch.setattr(lineup, "gpus", lambda: gpus)
    names = default_backbones(parts, preset)
    assert names == (ON_GPU if gpus else ON_CPU)[preset]
    assert all(parts.backbone(name).top1 for name in names)


@pytest.mark.parametrize("line_up", [ON_CPU, ON_GPU])
def test_a_quick_search_has_smaller_backbones_and_the_best_one_larger_ones(parts, line_up):
    quick, balanced, best = (
        max(parts.backbone(name).parameters for name in line_up[preset]) for preset in ("quick", "balanced", "best")
    )
    assert quick < balanced < best
    assert {*line_up["quick"]} < {*line_up["balanced"]}
