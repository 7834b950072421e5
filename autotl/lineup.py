"""The line-up: which backbones a search begins with, and the size of the pictures each one sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any, TypeGuard

from autotl.candidate import Anatomy, Footprint, anatomy_from
from autotl.errors import WeightsError
from autotl.events import BackboneResolved, Note, Progress, Watcher
from autotl.plugins import BUILTINS
from autotl.workers import Lost, Pool, ask
from autotl.workers.pool import gpus

if TYPE_CHECKING:
    from autotl.config import SearchConfig
    from autotl.data import Dataset
    from autotl.parts import Backbone
    from autotl.plugins import Catalogue

# strong for their cost in the published tables; a GPU affords the larger ones
ON_CPU: Mapping[str, tuple[str, ...]] = {
    "quick": ("mobilenet_v2", "mobilenet_v3_large"),
    "balanced": ("mobilenet_v2", "mobilenet_v3_large", "efficientnet_v2_b0", "mobilenet"),
    "best": ("mobilenet_v3_large", "efficientnet_v2_b0", "efficientnet_v2_b2", "resnet50_v2", "convnext_tiny"),
}
ON_GPU: Mapping[str, tuple[str, ...]] = {
    "quick": ("efficientnet_v2_b0", "mobilenet_v2"),
    "balanced": ("efficientnet_v2_s", "convnext_tiny", "resnet50_v2", "efficientnet_v2_b0", "mobilenet_v2"),
    "best": ("efficientnet_v2_m", "efficientnet_v2_s", "convnext_base", "convnext_tiny", "resnet50_v2"),
}
WITHOUT_WEIGHTS = ("acorn", "scattering")  # these come with autotl
_STEP = 32
_BUILT_IN = {dotted.rpartition(".")[2] for dotted in BUILTINS}


@dataclass(frozen=True)
class LineUp:
    """Has workers build the backbones of a search, once, before the first trial: weights are fetched here.

    Each one is measured while nothing else runs, unless an earlier session did: `known` is what that one found.
    """

    pool: Pool
    parts: Catalogue
    config: SearchConfig
    dataset: Dataset
    tell: Watcher
    known: Mapping[str, Footprint] = field(default_factory=dict)

    def find(self, asked: tuple[str, ...]) -> dict[str, Anatomy]:
        """Return the backbones that can be used, best published accuracy first.

        Raises WeightsError when none is left that the user wanted.
        """
        found, problems = self._build(asked or default_backbones(self.parts, self.config.preset))
        if not found and not asked:
            self.tell(
                Note(
                    "No ImageNet weights could be had, so the search uses what comes with autotl: 'acorn', a small "
                    "pretrained network, and 'scattering', whose filters are made by formula. ImageNet weights usually "
                    "give better models: see `autotl weights`.",
                    warning=True,
                )
            )
            found, problems = self._build(WITHOUT_WEIGHTS)
        if not found:
            others = f" Nor can {len(problems) - 1} more." if len(problems) > 1 else ""
            raise WeightsError(f"No backbone can be used. {problems[0]}{others}")
        found = {name: self._measured(anatomy) for name, anatomy in found.items()}
        return dict(sorted(found.items(), key=lambda item: -(self.parts.backbone(item[0]).top1 or 0.0)))

    def _build(self, names: tuple[str, ...]) -> tuple[dict[str, Anatomy], list[str]]:
        waiting = list(dict.fromkeys(names))
        total, alone = len(waiting), len(self.pool.idle()) == 1
        running: dict[int, str] = {}
        answers: dict[str, dict[str, Any] | Lost] = {}
        lost: set[str] = set()  # once is an accident
        while waiting or running:
            for place in self.pool.idle()[: len(waiting)]:
                running[place] = waiting.pop(0)
                self.tell(Progress("Building backbones", len(answers), total))
                self._give(place, running[place], alone=alone)
            for place, message in self.pool.listen(0.1):
                if isinstance(message, dict) and message["say"] == "progress":
                    self.tell(Progress(message["what"], message["done"], message["total"]))
                    continue
                self.pool.free(place)
                name = running.pop(place)
                if isinstance(message, Lost) and name not in lost:
                    lost.add(name)
                    waiting.insert(0, name)
                    continue
                answers[name] = message
                self.tell(Progress("Building backbones", len(answers), total))
                self.tell(_resolved(name, message, self.config.weights.get(name, "")))
        found = {name: anatomy_from(said["anatomy"]) for name, said in answers.items() if _is_built(said)}
        return found, [_problem(said) for said in answers.values() if not _is_built(said)]

    def _give(self, place: int, name: str, *, alone: bool) -> None:
        size = image_size(self.parts.backbone(name), self.config, self.dataset)
        undisturbed = alone or self.config.max_latency_ms is None  # nothing is timed then
        measure = undisturbed and name not in self.known
        self.pool.give(place, {"do": "anatomy", "backbone": name, "image_size": size, "measure": measure})

    def _measured(self, anatomy: Anatomy) -> Anatomy:
        """Return an anatomy with its footprint; with several workers, each backbone is built once more for it."""
        if anatomy.backbone in self.known:
            return replace(anatomy, footprint=self.known[anatomy.backbone])
        if anatomy.footprint.size_mb is not None:
            return anatomy
        job = {"do": "anatomy", "backbone": anatomy.backbone, "image_size": anatomy.image_size, "measure": True}
        return anatomy_from(ask(self.pool, job, self.tell)["anatomy"])


def default_backbones(catalogue: Catalogue, preset: str = "balanced") -> tuple[str, ...]:
    """Return what a search tries when no backbone was named: ours for this device, and those of every plugin."""
    ours = (ON_GPU if gpus() else ON_CPU)[preset]
    theirs = [name for name, offer in catalogue.offers["backbone"].items() if offer.plugin not in _BUILT_IN]
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


def _resolved(name: str, message: dict[str, Any] | Lost, weights: str) -> BackboneResolved:
    if not _is_built(message):
        return BackboneResolved(name, weights, 0, 0, 0, problem=_problem(message))
    found = anatomy_from(message["anatomy"])
    return BackboneResolved(name, found.weights, found.image_size, found.layers, found.parameters)


def _is_built(message: dict[str, Any] | Lost) -> TypeGuard[dict[str, Any]]:
    return isinstance(message, dict) and message["say"] == "done"


def _problem(message: Any) -> str:
    return f"Building it failed: {message.reason}." if isinstance(message, Lost) else str(message["reason"])


def _round_up(side: float) -> int:
    return int(-(-side // _STEP) * _STEP)
