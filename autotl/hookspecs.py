"""The hooks: plural nouns, each a function that returns parts. `plugins/README.md` explains them one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from autotl.parts import Augmentation, Backbone, Exporter, Head

hookspec = pluggy.HookspecMarker("autotl")
hookimpl = pluggy.HookimplMarker("autotl")


@hookspec
def backbones() -> Iterable[Backbone]:  # type: ignore[empty-body]
    """Offer feature extractors to the search."""


@hookspec
def heads() -> Iterable[Head]:  # type: ignore[empty-body]
    """Offer classification heads to the search."""


@hookspec
def augmentations() -> Iterable[Augmentation]:  # type: ignore[empty-body]
    """Offer random changes of training pictures to the search."""


@hookspec
def exporters() -> Iterable[Exporter]:  # type: ignore[empty-body]
    """Offer file formats for the best model."""
