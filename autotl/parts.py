"""The contracts of the parts that plugins offer: Backbone, Head, Augmentation, Exporter.

A part is a `name` (as users type it), a `space` (dimension name -> Int, Float or Choice; its keys are the
keywords of `build`) and `build`. Nothing else is asked: no configuration, no registration, no base `__init__`.
Import keras inside `build`, never at the head of a plugin: listing plugins must stay instant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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


class Exporter(Part):
    """A file format for the best model; `suffix` is how its files end, such as ".keras"."""

    kind = "exporter"
    suffix: str

    @abstractmethod
    def write(self, model: keras.Model, path: Path, *, classes: Sequence[str]) -> Path:
        """Write `model` (raw pixels to probabilities) to `path` and return what was written.

        Called with a path beside the final one; autotl renames it, so a failed write leaves nothing behind.
        """

    @abstractmethod
    def load(self, path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """Return a function from pixels `(batch, height, width, 3)`, 0 to 255, to probabilities."""
