"""A small backbone that comes with autotl: pretrained by `autotl pretrain`, there without any download.

What it learnt from, how and how well stands in its model card, `acorn.md`, with the command that made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import autotl
from autotl.builtin.saved import SavedBackbone


@autotl.hookimpl
def backbones() -> Iterable[autotl.Backbone]:
    """Offer the backbone that comes with autotl."""
    return [SavedBackbone(Path(__file__).with_name("acorn.keras"), image_size=128)]
