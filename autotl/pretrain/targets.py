"""What a source model learns: the labels of its pictures, or what a pretrained teacher makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.transfer.features import run

if TYPE_CHECKING:
    from autotl.pretrain.views import Pixels
    from autotl.transfer.network import Network

DIRECTIONS = 256  # of a teacher's features that are kept: those in which pictures differ most
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


def find_basis(vectors: NDArray[np.float32], most: int = DIRECTIONS) -> Basis:
    """Return the principal directions of `vectors` `(count, channels)`, scaled to a mean square length of 1."""
    chosen = vectors[np.linspace(0, len(vectors) - 1, min(_ENOUGH, len(vectors))).astype(int)].astype(np.float64)
    mean = chosen.mean(axis=0)
    spread = np.cov(chosen, rowvar=False)
    values, columns = np.linalg.eigh(spread)
    order = np.argsort(values)[::-1][:most]
    kept = float(values[order].sum())
    directions = columns[:, order].T / np.sqrt(max(kept, 1e-12))
    return Basis(mean.astype(np.float32), directions.astype(np.float32), kept / max(float(values.sum()), 1e-12))


@dataclass(frozen=True, eq=False)
class Teacher:
    """A pretrained network and the directions of its features: what it says of a picture, place by place.

    `grid` is the side of the student's feature map, to which the teacher's is averaged or stretched; `pooled` the
    mean square length of the values' mean over places.
    """

    network: Network
    basis: Basis
    grid: int
    pooled: float

    @property
    def pixels(self) -> int:
        """The side of the pictures it sees."""
        return self.network.image_size

    @property
    def name(self) -> str:
        """What its values depend on."""
        return f"{self.network.digest} at {self.pixels}, {len(self.basis.directions)} of {self.basis.mean.sum():.6g}"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one picture's values."""
        return (self.grid, self.grid, len(self.basis.directions))

    def __call__(self, pixels: Pixels, labels: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return what the teacher says of a block of pictures."""
        return self.basis(fitted(seen(self.network, pixels), self.grid)).astype(np.float16)


Targets = Labels | Teacher


def teach(network: Network, pictures: Pixels, grid: int) -> Teacher:
    """Return a teacher whose directions are found on some pictures."""
    maps = np.concatenate([fitted(seen(network, pictures[i : i + 32]), grid) for i in range(0, len(pictures), 32)])
    basis = find_basis(maps.reshape(-1, maps.shape[-1]))
    return Teacher(network, basis, grid, float(np.square(basis(maps.mean(axis=(1, 2)))).sum(axis=1).mean()))


def seen(network: Network, pixels: Pixels) -> NDArray[np.float32]:
    """Return a network's feature maps of some pictures."""
    tap = network.tap(network.cuts[0])
    return np.asarray(run(network.runner(network.pixels, [tap]), pixels.astype(np.float32))[0], np.float32)


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
