"""The pictures an export is tried on: validation pictures of its run, and training pictures to find ranges with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.data.decode import try_decode_many
from autotl.errors import DataError
from autotl.parity import Sample
from autotl.result import SearchResult

if TYPE_CHECKING:
    from autotl.data.dataset import Picture, Split
    from autotl.predict import LoadedModel

MOST = 200  # pictures; they come in the order of their hashes, so the first ones are a fair draw
_NOISE = 32  # pictures


@dataclass(frozen=True, slots=True)
class TrainingPictures:
    """Training pictures of a run, `(height, width, 3)` uint8, decoded as they are asked for."""

    paths: tuple[str, ...]
    size: tuple[int, int]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each that can be read."""
        for _, made in try_decode_many(self.paths, self.size):
            if not isinstance(made, DataError):
                yield made


def training_pictures(run: Path, size: tuple[int, int]) -> TrainingPictures:
    """Return up to 200 training pictures of a run; none where `run` is a file, or they are gone."""
    paths = tuple(picture.path for picture in _pictures(run, "train"))
    return TrainingPictures(paths, size)


def sample_of(run: Path, loaded: LoadedModel) -> Sample:
    """Return up to 200 validation pictures of a run and what Keras says of them; noise where there are none."""
    pixels, labels = [], []
    known = _pictures(run, "valid")
    for index, made in try_decode_many([picture.path for picture in known], loaded.image_size):
        if not isinstance(made, DataError):
            pixels.append(made)
            labels.append(known[index].label)
    if not pixels:
        noise = np.random.default_rng(0).integers(0, 256, (_NOISE, *loaded.image_size, 3), np.uint8)
        return Sample(noise, _expected(loaded, noise), None)
    return Sample(np.stack(pixels), _expected(loaded, np.stack(pixels)), np.array(labels, np.int64))


def _expected(loaded: LoadedModel, pixels: NDArray[Any]) -> NDArray[np.float32]:
    return np.concatenate([loaded.probabilities(pixels[start : start + 32]) for start in range(0, len(pixels), 32)])


def _pictures(run: Path, split: Split) -> list[Picture]:
    result = SearchResult(run)
    if not result.folder.dataset.is_file():
        return []
    there = [each for each in result.dataset.pictures if each.split == split and Path(each.path).is_file()]
    return there[:MOST]
