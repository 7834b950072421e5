"""The line-up: which backbones a search begins with, and the size of the pictures each one sees."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from autotl.workers.pool import gpus

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.data import Dataset
    from autotl.parts import Backbone
    from autotl.plugins import Catalogue

# strong for their cost in the published tables; a GPU affords the larger ones
ON_CPU = ("mobilenet_v2", "mobilenet_v3_large", "efficientnet_v2_b0", "mobilenet")
ON_GPU = ("efficientnet_v2_s", "convnext_tiny", "resnet50_v2", "efficientnet_v2_b0", "mobilenet_v2")
WITHOUT_WEIGHTS = "scattering"
_STEP = 32


def default_backbones(catalogue: Catalogue) -> tuple[str, ...]:
    """Return what a search tries when no backbone was named: ours for this device, and those of every plugin."""
    ours = ON_GPU if gpus() else ON_CPU
    theirs = [name for name, offer in catalogue.offers["backbone"].items() if not _built_in(offer.part)]
    return (*(name for name in ours if name in catalogue.offers["backbone"]), *theirs)


def image_size(part: Backbone, config: SearchConfig, dataset: Dataset) -> int:
    """Return the side of the pictures for a backbone, in pixels.

    It is the size asked for, or the pictures' own (median of the shorter sides, in steps of 32) between half
    the backbone's natural size and all of it: more pixels than there are cost time and show nothing.
    """
    if config.image_size is not None:
        return max(config.image_size, part.min_size)
    own = median(min(picture.width, picture.height) for picture in dataset.pictures)
    size = min(max(_round_up(own), _round_up(part.image_size / 2)), part.image_size)
    return max(size, part.min_size)


def _round_up(side: float) -> int:
    return int(-(-side // _STEP) * _STEP)


def _built_in(part: Backbone | object) -> bool:
    return type(part).__module__.startswith("autotl.builtin.")
