"""The pictures that a source model learns from: files with or without labels, and made-up ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autotl.data import load
from autotl.data.check import check
from autotl.data.colour import to_rgb
from autotl.data.decode import FORMATS, turn_of
from autotl.data.listing import is_picture, walk
from autotl.errors import DataError
from autotl.pretrain.synthetic import generate

OnProgress = Callable[[int, int], object]
GENERATOR = 1  # of the made-up pictures; changes with what they look like
_SIDE = 176  # pixels of a made-up picture
_HELD_OUT = 0.05  # of the files, to measure on; never learnt from
_FEWEST = 20


@dataclass(frozen=True)
class Sources:
    """Files that can be read, each once, and how many made-up pictures join them in each view.

    `labels` are classes by file, -1 throughout where labels are not used; `held` tells which files are held out.
    """

    files: tuple[str, ...]
    digests: tuple[str, ...]
    labels: NDArray[np.int64]
    held: NDArray[np.bool_]
    classes: tuple[str, ...]
    generated: int
    seed: int

    @property
    def fingerprint(self) -> str:
        """A hash of the files' contents, labels and parts, whatever their names and places."""
        rows = zip(self.digests, self.labels.tolist(), self.held.tolist(), strict=True)
        return sha256(repr(sorted(rows)).encode()).hexdigest()[:32]

    @property
    def train(self) -> NDArray[np.int64]:
        """The places of the files to learn from."""
        return np.flatnonzero(~self.held)

    @property
    def valid(self) -> NDArray[np.int64]:
        """The places of the files held out."""
        return np.flatnonzero(self.held)

    def picture(self, place: int) -> Image.Image:
        """Return a file's picture, upright and in RGB; raises DataError naming the file."""
        path = self.files[place]
        try:
            with Image.open(path, formats=FORMATS) as image:
                image.draft(None, (2 * _SIDE, 2 * _SIDE))
                image.load()
                turn = turn_of(image)
                picture = to_rgb(image)
                return picture if turn is None else picture.transpose(turn)
        except Exception as error:  # Pillow lets the errors of many decoders through
            raise DataError(f"{path} could be read before, but not any more: {error}.") from error

    def made_up(self, view: int, number: int) -> Image.Image:
        """Return a picture that no other view has."""
        return generate(_SIDE, (self.seed, GENERATOR, view, number))


def find(
    sources: Sequence[str], *, labelled: bool, generated: int, seed: int, on_progress: OnProgress | None = None
) -> Sources:
    """Read the sources: one labelled folder or CSV, or any folders of pictures; raises DataError.

    Files that cannot be read, and copies, are left out. Of the rest every twentieth is held out.
    """
    if labelled:
        return _labelled(sources, generated, seed, on_progress)
    paths = sorted({path for source in sources for path in _pictures(Path(source).expanduser())})
    found: dict[str, str] = {}
    for path, checked in zip(paths, check(paths, on_progress), strict=True):
        if not checked.problem:
            found.setdefault(checked.digest, str(path))
    if len(found) < _FEWEST:
        raise DataError(
            f"{', '.join(map(str, sources))} has {len(found)} different pictures that can be read; "
            f"at least {_FEWEST} are needed to learn anything from."
        )
    digests = tuple(sorted(found))
    held = np.zeros(len(digests), bool)
    held[np.random.default_rng(seed).permutation(len(digests))[: max(1, round(_HELD_OUT * len(digests)))]] = True
    nothing = np.full(len(digests), -1, np.int64)
    return Sources(tuple(found[d] for d in digests), digests, nothing, held, (), generated, seed)


def _labelled(sources: Sequence[str], generated: int, seed: int, on_progress: OnProgress | None) -> Sources:
    if len(sources) != 1:
        raise DataError("Without a teacher, labels are learnt: name one labelled folder or CSV, or add --teacher NAME.")
    if generated:
        raise DataError("Made-up pictures have no labels: use --generated with --teacher NAME.")
    dataset = load(sources[0], valid_split=2 * _HELD_OUT, test_split=0, seed=seed, on_progress=on_progress)
    pictures = [picture for picture in dataset.pictures if picture.split in ("train", "valid")]
    return Sources(
        tuple(picture.path for picture in pictures),
        tuple(picture.digest for picture in pictures),
        np.array([picture.label for picture in pictures], np.int64),
        np.array([picture.split == "valid" for picture in pictures]),
        dataset.classes,
        0,
        seed,
    )


def _pictures(source: Path) -> list[Path]:
    if source.is_file() and is_picture(source):
        return [source]
    if not source.is_dir():
        raise DataError(f"There is no folder {source}. Check the spelling, and where you are.")
    return [path for path in walk(source) if is_picture(path)]
