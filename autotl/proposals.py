"""The search space of one search: which dimensions there are, what is pinned, and how values become a Candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autotl.candidate import Anatomy, Candidate
from autotl.errors import ConfigError, near_miss
from autotl.plugins import Catalogue
from autotl.space import Choice, Dimension, Float, Int, Space, Value
from autotl.transfer.cuts import snap

Draw = Callable[[str, Dimension], Value]

TRAINING: Mapping[str, Dimension] = {
    "learning_rate": Float(2e-4, 1e-2, log=True, default=1e-3),
    "unfrozen_rate": Float(0.02, 1.0, log=True, default=0.1),
    "batch_size": Choice(32, 16, 64),
    "weight_decay": Float(1e-4, 1e-1, log=True, default=1e-2),
    "label_smoothing": Choice(0.0, 0.1),
}
ON_REQUEST: Mapping[str, Dimension] = {  # never drawn: training has a default for each
    "ema": Float(0.0, 0.9999),
    "class_weights": Choice("auto", "on", "off"),
    "patience": Int(1, 1000),
}
KINDS = ("backbone", "head", "augmentation")
STARTS = 4


@dataclass(frozen=True)
class SearchSpace:
    """What a search may combine; the same inputs always give the same dimensions in the same order.

    `learning_rate` is the head's; unfrozen layers learn at `learning_rate * unfrozen_rate`. How deep to
    unfreeze is drawn as `backbone.NAME.unfrozen_blocks`, a place in the list of block ends that a backbone
    offers, so that neighbours in the study are neighbours in the network.
    """

    anatomies: Mapping[str, Anatomy]
    heads: Mapping[str, Space]
    augmentations: Mapping[str, Space]
    pins: Mapping[str, Value]
    epochs: int

    def candidate(self, draw: Draw) -> Candidate:
        """Return the candidate whose values `draw(name, dimension)` gives; pinned ones are not drawn."""
        backbone = str(self._value("backbone", Choice(*self.anatomies), draw))
        head = str(self._value("head", Choice(*self.heads), draw))
        augmentation = str(self._value("augmentation", Choice(*self.augmentations), draw))
        anatomy = self.anatomies[backbone]
        unfrozen = self._unfrozen(anatomy, draw)
        values = {
            **self._dimensions("head", head, self.heads[head], draw),
            **self._dimensions("augmentation", augmentation, self.augmentations[augmentation], draw),
        }
        for name, dimension in TRAINING.items():
            if name != "unfrozen_rate" or unfrozen:
                values[name] = self._value(name, dimension, draw)
        values.update({name: self.pins[name] for name in ON_REQUEST if name in self.pins})
        return Candidate(backbone, head, augmentation, anatomy.image_size, unfrozen, self.epochs, values)

    def recipe(self, **wanted: Value) -> dict[str, Value]:
        """Return the drawn values of the default recipe, with some wanted differently where they are open."""
        drawn: dict[str, Value] = {}

        def draw(name: str, dimension: Dimension) -> Value:
            value = wanted.get(name, _DEFAULT_PARTS.get(name, dimension.first()))
            if isinstance(dimension, Choice) and value not in dimension.options:
                value = dimension.first()
            if isinstance(dimension, Int):
                value = min(int(value), dimension.high)
            drawn[name] = value
            return value

        self.candidate(draw)
        return drawn

    def starts(self, order: Sequence[str] = ()) -> list[dict[str, Value]]:
        """Return the candidates to try first, on the backbones in `order`, best first; without one in their own.

        They are the default recipe on the first backbone, deeper ones on it, then the default on the next best.
        """
        first, *others = list(order or self.anatomies)[:STARTS]
        default, *rest = (self.recipe(backbone=name) for name in (first, *others))
        return [default, *self.deeper(first), *rest]

    def probe(self, backbone: str) -> dict[str, Value] | None:
        """Return the drawn values of the candidate that a probe of a backbone is; None where it lies outside.

        A probe is a linear head on the average of frozen features of plain pictures. It knows nothing of learning
        rates, batches and dropout: where one of these is pinned, a probe is not what was asked for.
        """
        depth, pooling = f"backbone.{backbone}.unfrozen_blocks", "head.linear.pooling"
        wanted: dict[str, Value] = {"head": "linear", "augmentation": "none", depth: 0, pooling: "average"}
        recipe = self.recipe(backbone=backbone, **wanted)
        built = self.candidate(lambda name, dimension: recipe[name])
        untrained = not any(name in (*TRAINING, *ON_REQUEST, "head.linear.dropout") for name in self.pins)
        plain = (built.head, built.augmentation, built.unfrozen_layers) == ("linear", "none", 0)
        return recipe if untrained and plain and built.values.get(pooling, "average") == "average" else None

    def deeper(self, backbone: str) -> list[dict[str, Value]]:
        """Return the candidates to try next, on the backbone that came out best: the default recipe, unfrozen."""
        blocks = f"backbone.{backbone}.unfrozen_blocks"
        default = self.recipe(backbone=backbone)
        wanted = [{"backbone": backbone, "augmentation": "flip_crop", blocks: count} for count in (2, 4)]
        recipes = [default, *(self.recipe(**each) for each in wanted)]
        return [recipe for place, recipe in enumerate(recipes) if recipe not in recipes[:place]][1:]

    def snapped(self) -> list[str]:
        """Return in words where a pinned count of unfrozen layers lies on no cut, and what runs instead."""
        told = []
        for anatomy in self.anatomies.values():
            asked = self._pinned_layers(anatomy)
            above = [count for count in anatomy.cuts if asked is not None and count > asked]
            if asked is not None and above and asked not in anatomy.cuts:
                runs = snap(asked, anatomy.cuts)
                told.append(
                    f"{anatomy.backbone} has no cut at {asked} unfrozen layers; {runs} run. The next is {above[0]}."
                )
        return told

    def _pinned_layers(self, anatomy: Anatomy) -> int | None:
        for name in (f"backbone.{anatomy.backbone}.unfrozen_layers", "unfrozen_layers"):
            if name in self.pins:
                return int(self.pins[name])
        return None

    def _unfrozen(self, anatomy: Anatomy, draw: Draw) -> int:
        pinned = self._pinned_layers(anatomy)
        if pinned is not None:
            return snap(pinned, anatomy.cuts)
        last = len(anatomy.offered) - 1
        if last == 0:
            return anatomy.offered[0]
        place = draw(f"backbone.{anatomy.backbone}.unfrozen_blocks", Int(0, last, default=0))
        return anatomy.offered[int(place)]

    def _dimensions(self, kind: str, part: str, space: Space, draw: Draw) -> dict[str, Value]:
        names = {f"{kind}.{part}.{dimension}": space[dimension] for dimension in space}
        return {name: self._value(name, dimension, draw) for name, dimension in names.items()}

    def _value(self, name: str, dimension: Dimension, draw: Draw) -> Value:
        if name in self.pins:
            return self.pins[name]
        if isinstance(dimension, Choice) and len(dimension.options) == 1:
            return dimension.first()
        return draw(name, dimension)


_DEFAULT_PARTS: Mapping[str, Value] = {"head": "dense", "augmentation": "none"}


def narrow(
    catalogue: Catalogue, pins: Mapping[str, Value], chosen: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, Value]]:
    """Return the part names of each kind that may be tried, and the pins read by their dimensions.

    `chosen` are the names given with --backbone, --head, --augmentation; empty means all, for backbones
    empty stays empty (the caller knows the defaults). Raises ConfigError and UnknownPart.
    """
    names = {kind: chosen[kind] for kind in KINDS}
    rest = dict(pins)
    for kind in KINDS:
        if kind in rest:
            names[kind] = (str(rest.pop(kind)),)
        if kind != "backbone" and not names[kind]:
            names[kind] = catalogue.names(kind)
        for name in names[kind]:
            getattr(catalogue, kind)(name)  # raises UnknownPart with the near miss
    return names, _read_pins(catalogue, rest)


def _read_pins(catalogue: Catalogue, pins: Mapping[str, Value]) -> dict[str, Value]:
    known: dict[str, Dimension] = {**TRAINING, **ON_REQUEST, "unfrozen_layers": Int(0, 1)}
    for kind in KINDS:
        for name, offer in catalogue.offers[kind].items():
            known.update({f"{kind}.{name}.{dimension}": where for dimension, where in offer.part.space.items()})
            if kind == "backbone":
                known[f"backbone.{name}.unfrozen_layers"] = Int(0, 1)
    read = {}
    for name, value in pins.items():
        if name not in known:
            raise ConfigError(
                f"--set {name}={value}: there is no dimension {name!r}.{near_miss(name, known)} "
                "`autotl plugins list` shows the parts and what they vary."
            )
        read[name] = _read_layers(name, value) if name.endswith("unfrozen_layers") else known[name].read(value, name)
    return read


def _read_layers(name: str, value: object) -> int:
    """Return a count of layers, 0 or more; raises ConfigError."""
    try:
        count = int(str(value))
    except ValueError:
        count = -1
    if count < 0:
        raise ConfigError(f"{name}={value} cannot be: a whole number of layers, 0 or more, is needed.")
    return count
