"""The contracts of the parts that plugins offer: Backbone, Head, Augmentation, Exporter.

A part is a `name` (as users type it), a `space` (dimension name -> Int, Float or Choice; its keys are the
keywords of `build`) and `build`. Nothing else is asked: no configuration, no registration, no base `__init__`.
Import keras inside `build`, never at the head of a plugin: listing plugins must stay instant.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from autotl.space import Space

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Download:
    """A published file of weights: its name in the folder where Keras keeps them, its address, its hash if known.

    `digest` is an MD5 or SHA-256 in hexadecimals. `others` are names of files that serve as well, if they are there.
    """

    name: str
    url: str
    digest: str | None = None
    others: tuple[str, ...] = ()


class Part(ABC):
    """What all parts share."""

    kind: ClassVar[str]
    name: str
    space: Space = {}


class Backbone(Part):
    """A feature extractor: pictures in, feature map out, with the scaling of pixels inside.

    `image_size` is the natural side of its pictures in pixels, `min_size` the smallest it can take.
    `weights` says what it comes with: "imagenet" for published weights, another word for weights of another
    origin; "random" is always possible but never chosen unless asked for.
    `source` is the paper, as a link; `top1` the published ImageNet accuracy (fraction), if there is one;
    `parameters` how many numbers it holds, without a classifier; `needs_download` whether `weights` lie elsewhere.
    """

    kind = "backbone"
    image_size: int
    min_size: int = 32
    weights: str = "imagenet"
    source: str = ""
    top1: float | None = None
    parameters: int | None = None
    needs_download: bool = False

    @property
    def download(self) -> Download | None:
        """The file that its own weights come in, where it is one that `autotl weights` can fetch."""
        return None

    @abstractmethod
    def build(self, *args: Any, **values: Any) -> keras.Model:
        """Return a functional model: called as `build(image_size, weights=weights, **values)`.

        Shapes: `(batch, image_size, image_size, 3)`, pixels 0 to 255, to `(batch, rows, columns, channels)`.
        `weights` is this part's own `weights` word, "random", or the path of a file. Raises WeightsError
        (in one line, with the way to get them) when they cannot be had.
        """


class Head(Part):
    """A classification head: feature map in, one logit per class out."""

    kind = "head"

    @abstractmethod
    def build(self, *args: Any, **values: Any) -> Callable[[Any], Any]:
        """Return a layer, model or function: called as `build(classes, **values)`, then on a Keras tensor.

        Shapes: `(batch, rows, columns, channels)` to `(batch, classes)`, without softmax. Use layers and
        `keras.ops` that plain Keras knows, so that the saved model opens without this plugin.
        """


class Augmentation(Part):
    """Random changes to training pictures that leave their class as it was.

    `idle` says that it changes nothing at all: then no further views of a picture are drawn.
    """

    kind = "augmentation"
    idle: bool = False

    @abstractmethod
    def build(self, *args: Any, **values: Any) -> Callable[..., Any]:
        """Return a layer, called as `build(**values)`; idle when called with `training=False`.

        Shapes: `(batch, height, width, 3)`, pixels 0 to 255, to the same. Prefer a `Choice` of a few strengths
        over a continuous range: trials that draw the same pictures share them.
        """


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an export may be from the Keras model, on the pictures both are shown.

    `difference` is the largest allowed between two probabilities, `agreement` the least share of pictures with the
    same most probable class, `drop` the most that accuracy may fall (fraction). One picture may always differ.
    """

    difference: float = 1e-4  # float32 in another runtime differs by about 1e-6
    agreement: float = 0.0
    drop: float = 1.0


FLOAT32: Mapping[str, Tolerance] = MappingProxyType({"float32": Tolerance()})


class Exporter(Part):
    """A file format for the best model; `suffix` is how its files end, such as ".keras".

    `precisions` are the ways in which it can store numbers, the usual one first, and how far each may be off.
    `runtime` is the module that opens its files, as it is imported.
    """

    kind = "exporter"
    suffix: str
    runtime: str = ""
    precisions: Mapping[str, Tolerance] = FLOAT32

    @abstractmethod
    def write(self, *args: Any, **values: Any) -> Path:
        """Write a model (raw pixels to probabilities) and return the path of what was written.

        Called as `write(model, path, classes=classes)`; by exporters of several precisions also with `precision`,
        the name of one, and `pictures`, an iterable of training pictures `(height, width, 3)` uint8 to find ranges
        with. `path` is beside the final one; autotl renames it, so a failed write leaves nothing behind.
        """

    @abstractmethod
    def load(self, *args: Any, **values: Any) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
        """Return a function from pixels `(batch, height, width, 3)`, 0 to 255, to probabilities.

        Called as `load(path)`, and where it takes `threads` also as `load(path, threads=1)`. Use the format's own
        runtime. Pixels may be uint8 or floating-point.
        """

    def labels(self, path: Path) -> dict[str, Any]:
        """Return what travels along: `classes`, and `image_size` as [height, width]; by default `labels.json` inside.

        What it leaves out, autotl writes to `NAME.labels.json` beside the export.
        """
        inside = path / "labels.json"
        labels: dict[str, Any] = json.loads(inside.read_text("utf-8")) if inside.is_file() else {}
        return labels

    def options(self, precision: str, pictures: Iterable[NDArray[np.uint8]] = ()) -> dict[str, Any]:
        """Return the keywords that `write` gets beside `classes`: none where there is but one precision."""
        return {"precision": precision, "pictures": pictures} if len(self.precisions) > 1 else {}
