"""Views: each picture once, cropped, flipped and coloured anew; kept on disk with what is to be learnt of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autotl.data.decode import in_threads
from autotl.transfer.store import About, FeatureStore, Wanted

if TYPE_CHECKING:
    from autotl.pretrain.settings import PretrainConfig
    from autotl.pretrain.sources import OnProgress, Sources
    from autotl.pretrain.targets import Targets

Pixels = NDArray[np.uint8]
BLOCK = 32
PLAIN = -1  # the view of the held-out pictures: nothing random
_RECIPE = 1  # of the views; changes with what they look like
_AREA, _RATIO = (0.2, 1.0), (0.75, 1.333)  # of a crop: share of the picture, width by height
_COLOUR = 0.3
_PIECE = (0.2, 0.6)  # side of a piece of another picture, as a share


@dataclass(frozen=True)
class Views:
    """The views of some sources, computed when they are asked for and kept in the store."""

    config: PretrainConfig
    sources: Sources
    targets: Targets
    store: FeatureStore

    @property
    def size(self) -> int:
        """The pictures of a view."""
        return len(self.sources.train) + self.sources.generated

    def view(self, number: int, on_progress: OnProgress) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a view's pictures `(pictures, side, side, 3)` uint8 and their targets, memory-mapped."""
        places = self.sources.valid if number == PLAIN else self.sources.train
        total = len(places) if number == PLAIN else self.size
        wanted = [self._wanted(number, total, what) for what in ("pixels", "targets")]

        def blocks(missing: Sequence[Wanted]) -> Iterator[Sequence[NDArray[Any]]]:
            names = [each.about["array"] for each in missing]
            for done, made in self._blocks(number, places, total):
                on_progress(done, total)
                yield [made[str(name)] for name in names]

        pixels, targets = self.store.fetch_all(wanted, blocks)
        return pixels, targets

    def _blocks(self, number: int, places: NDArray[np.int64], total: int) -> Iterator[tuple[int, dict[str, Any]]]:
        large = max(self.config.image_size, self.targets.pixels)
        drawn = in_threads(lambda place: self._drawn(number, place, places, large), range(total))
        for start in range(0, total, BLOCK):
            block = np.stack([next(drawn) for _ in range(min(BLOCK, total - start))])
            labels = self._labels(places[start : start + BLOCK], len(block))
            if number != PLAIN:
                mixed(block, labels, self.config.mix, np.random.default_rng((self.config.seed, number, start)))
            yield (
                start + len(block),
                {
                    "pixels": resized(block, self.config.image_size),
                    "targets": self.targets(resized(block, self.targets.pixels), labels),
                },
            )

    def _drawn(self, number: int, place: int, places: NDArray[np.int64], side: int) -> Pixels:
        real = place < len(places)
        picture = self.sources.picture(int(places[place])) if real else self.sources.made_up(number, place)
        if number == PLAIN:
            return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0))
        return draw(picture, side, np.random.default_rng((self.config.seed, number, place)))

    def _labels(self, places: NDArray[np.int64], rows: int) -> NDArray[np.float32]:
        labels = np.zeros((rows, len(self.sources.classes)), np.float32)
        if self.sources.classes:
            labels[np.arange(rows), self.sources.labels[places]] = 1.0
        return labels

    def _wanted(self, number: int, total: int, what: str) -> Wanted:
        config, side = self.config, self.config.image_size
        about: About = {
            "what": "pretraining",
            "array": what,
            "sources": self.sources.fingerprint,
            "view": number,
            "generated": 0 if number == PLAIN else self.sources.generated,
            "recipe": _RECIPE,
            "size": side,
            "mix": config.mix,
            "seed": config.seed,
            "targets": self.targets.name,
        }
        if what == "pixels":
            return Wanted(about, (total, side, side, 3), "uint8")
        return Wanted(about, (total, *self.targets.shape), "float16")


def draw(picture: Image.Image, side: int, random: np.random.Generator) -> Pixels:
    """Return a crop of a picture, `(side, side, 3)`, perhaps flipped, its colours changed."""
    width, height = picture.size
    area = random.uniform(*_AREA) * width * height
    ratio = np.exp(random.uniform(*np.log(_RATIO)))
    wide, high = min(width, np.sqrt(area * ratio)), min(height, np.sqrt(area / ratio))
    left, top = random.uniform(0, width - wide), random.uniform(0, height - high)
    cropped = picture.resize(
        (side, side), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high), reducing_gap=3.0
    )
    pixels = np.asarray(cropped)
    if random.random() < 0.5:
        pixels = pixels[:, ::-1]
    return recoloured(pixels, random)


def recoloured(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Return pixels with another brightness, contrast and saturation, and another balance of colours."""
    rows = pixels.reshape(-1, 3).astype(np.float32)
    grey = rows.mean(axis=1, keepdims=True)
    contrast, saturation = random.uniform(1 - _COLOUR, 1 + _COLOUR), random.uniform(0.0, 1.4)
    gains = random.uniform(1 - _COLOUR, 1 + _COLOUR) * random.uniform(0.93, 1.07, 3)
    middle = grey.mean()
    rows = (grey + saturation * (rows - grey) - middle) * contrast + middle
    return np.asarray(np.clip(rows * gains, 0, 255).astype(np.uint8).reshape(pixels.shape))


def mixed(block: Pixels, labels: NDArray[np.float32], share: float, random: np.random.Generator) -> None:
    """Put a piece of another picture into a share of a block's pictures, and of its label into theirs.

    CutMix: Yun et al. 2019 (arXiv 1905.04899). A teacher is shown the mixed picture, so what it says of it is right.
    """
    side, before, said = block.shape[1], block.copy(), labels.copy()
    for row in np.flatnonzero(random.random(len(block)) < share):
        other = int(random.integers(len(block)))
        high, wide = (int(side * random.uniform(*_PIECE)) for _ in range(2))
        top, left = int(random.integers(side - high + 1)), int(random.integers(side - wide + 1))
        block[row, top : top + high, left : left + wide] = before[other, top : top + high, left : left + wide]
        part = high * wide / side**2
        labels[row] = (1 - part) * said[row] + part * said[other]


def resized(block: Pixels, side: int) -> Pixels:
    """Return a block of pictures in another size."""
    if block.shape[1] == side:
        return block
    return np.stack(
        [
            np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0))
            for one in block
        ]
    )
