"""What a source model learns: the labels of its pictures, or what a pretrained teacher makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.transfer.features import run

if TYPE_CHECKING:
    from autotl.pretrain.views import Pixels
    from autotl.transfer.cuts import Cut
    from autotl.transfer.network import Network

DIRECTIONS = (256, 96, 48, 24)  # of a teacher's features that are kept, from its end on: where pictures differ most
_ENOUGH = 20_000  # vectors to find the directions by


@dataclass(frozen=True)
class Labels:
    """One share for each class."""

    classes: int
    pixels: int
    name: str = "labels"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture's values."""
        return (self.classes,)

    def __call__(self, pixels: Pixels, labels: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the labels."""
        return labels.astype(np.float16)


@dataclass(frozen=True)
class Basis:
    """The directions in which a teacher's features differ most `(directions, channels)`, and their mean `(channels,)`.

    Values along them are divided by one number, so that their squares add up to 1 on average.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    explained: float

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values of features `(…, channels)` along the directions."""
        return np.asarray((features - self.mean) @ self.directions.T, np.float32)


def find_basis(vectors: NDArray[np.float32], most: int = DIRECTIONS[0], length: float = 1.0) -> Basis:
    """Return the principal directions of `vectors` `(count, channels)`, scaled to a mean square length of `length`."""
    chosen = vectors[np.linspace(0, len(vectors) - 1, min(_ENOUGH, len(vectors))).astype(int)].astype(np.float64)
    mean = chosen.mean(axis=0)
    spread = np.cov(chosen, rowvar=False)
    values, columns = np.linalg.eigh(spread)
    order = np.argsort(values)[::-1][:most]
    kept = float(values[order].sum())
    directions = columns[:, order].T * np.sqrt(length / max(kept, 1e-12))
    return Basis(mean.astype(np.float32), directions.astype(np.float32), kept / max(float(values.sum()), 1e-12))


@dataclass(frozen=True, eq=False)
class Teacher:
    """A pretrained network and the directions of its features: what it says of a picture, place by place.

    `cuts` are the depths at which it is listened to, its end first; each has its `bases` and an equal share of the
    values' mean square length of 1. `grid` is the side of the student's feature map, to which the teacher's are
    averaged or stretched; `pooled` the mean square length of the values' mean over places.
    """

    network: Network
    cuts: tuple[Cut, ...]
    bases: tuple[Basis, ...]
    grid: int
    pooled: float

    @property
    def pixels(self) -> int:
        """The side of the pictures it sees."""
        return self.network.image_size

    @property
    def name(self) -> str:
        """What its values depend on."""
        told = ", ".join(
            f"{len(basis.directions)} of {basis.mean.sum():.6g} above {cut.unfrozen_layers}"
            for cut, basis in zip(self.cuts, self.bases, strict=True)
        )
        return f"{self.network.digest} at {self.pixels}, {told}"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture's values."""
        return (self.grid, self.grid, sum(len(basis.directions) for basis in self.bases))

    def __call__(self, pixels: Pixels, labels: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return what the teacher says of a block of pictures."""
        maps = seen(self.network, self.cuts, pixels, self.grid)
        return _along(self.bases, maps).astype(np.float16)


Targets = Labels | Teacher


def teach(network: Network, pictures: Pixels, grid: int, depths: int = 1) -> Teacher:
    """Return a teacher that is listened to at some depths, whose directions are found on some pictures."""
    cuts = depths_of(network, depths)
    blocks = [seen(network, cuts, pictures[i : i + 32], grid) for i in range(0, len(pictures), 32)]
    maps = [np.concatenate([block[place] for block in blocks]) for place in range(len(cuts))]
    bases = tuple(
        find_basis(each.reshape(-1, each.shape[-1]), most, 1 / len(cuts))
        for each, most in zip(maps, DIRECTIONS, strict=False)
    )
    means = _along(bases, [each.mean(axis=(1, 2)) for each in maps])
    return Teacher(network, cuts, bases, grid, float(np.square(means).sum(axis=1).mean()))


def depths_of(network: Network, count: int) -> tuple[Cut, ...]:
    """Return a network's end and `count - 1` places below it, ends of blocks if it has any, equal work apart."""
    top, *below = network.cuts
    blocks = [cut for cut in below if cut.joins] or below[:-1] or [top]
    wanted = [step / count for step in range(1, count)]
    found = [top, *(min(blocks, key=lambda cut: abs(cut.work - share)) for share in wanted)]
    return tuple({cut.unfrozen_layers: cut for cut in found}.values())


def seen(network: Network, cuts: Sequence[Cut], pixels: Pixels, grid: int) -> list[NDArray[np.float32]]:
    """Return a network's feature maps of some pictures at each of some cuts, with sides of `grid`."""
    runner = network.runner(network.pixels, [network.tap(cut) for cut in cuts])
    return [fitted(np.asarray(maps, np.float32), grid) for maps in run(runner, pixels.astype(np.float32))]


def _along(bases: Sequence[Basis], features: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    values = [basis(each) for basis, each in zip(bases, features, strict=True)]
    return np.concatenate(values, axis=-1)


def fitted(maps: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Return feature maps with sides of `grid`: each place the mean of what lies under it."""
    rows, columns = (_overlaps(side, grid) for side in maps.shape[1:3])
    return np.asarray(np.einsum("ay,nyxc,bx->nabc", rows, maps, columns, optimize=True), np.float32)


def _overlaps(side: int, grid: int) -> NDArray[Any]:
    """Return the share of each of `side` places in each of `grid` places: `(grid, side)`, rows adding up to 1."""
    edges, marks = np.linspace(0, 1, grid + 1), np.linspace(0, 1, side + 1)
    low = np.maximum(edges[:-1, None], marks[None, :-1])
    high = np.minimum(edges[1:, None], marks[None, 1:])
    return np.asarray(np.maximum(high - low, 0.0) * grid)
