"""The gallery: a few small pictures that show what the winner gets wrong, doubts and looks at, kept in `best/gallery/`.

The report shows them when the data are long gone.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from autotl import suspects
from autotl.data.decode import decode
from autotl.data.listing import relative
from autotl.evidence import evidence, tinted
from autotl.folder import RunFolder, write_whole
from autotl.shapes import read as read_as

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.data import Dataset, Split
    from autotl.data.dataset import Picture

Kind = Literal["mistake", "doubt", "right", "suspect"]
MOST: Mapping[Kind, int] = {"mistake": 8, "doubt": 4, "right": 4, "suspect": 8}  # a report stays small
EXPLAINED = 4  # mistakes, and right answers, that are shown with what speaks for them
SIDE = 208  # pixels of the longer side
_QUALITY = 82
_LARGEST = 200_000  # bytes of a file that is believed to be one of these


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the gallery; its files are named by its place.

    `sure` and `agrees` are the probabilities of the class it is taken for and of its label; of a suspect, the probe's.
    `explained` tells that there is a second picture, of what speaks for the answer.
    """

    kind: Kind
    file: str
    split: str
    label: str
    looks_like: str
    sure: float
    agrees: float
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures, and of which part of the data the answers are."""

    split: str
    shown: tuple[Shown, ...]

    def of(self, kind: Kind) -> list[tuple[int, Shown]]:
        """Return the pictures of a kind with their places."""
        return [(place, each) for place, each in enumerate(self.shown) if each.kind == kind]


@dataclass(frozen=True)
class Eyes:
    """How the winner sees: pictures of `image_size` (height, width) to feature maps, and these to logits."""

    image_size: tuple[int, int]
    features: Any
    logits: Any


def choose(labels: NDArray[np.int64], probabilities: NDArray[Any]) -> dict[Kind, list[int]]:
    """Return the rows to show: the surest mistakes and right answers, these class by class, and the least certain.

    `labels` are `(n,)`, `probabilities` `(n, classes)`. No row is chosen twice.
    """
    guesses, ordered = probabilities.argmax(axis=1), np.sort(probabilities, axis=1)
    sure, margin = ordered[:, -1], ordered[:, -1] - ordered[:, -2]
    surest = [int(row) for row in np.argsort(-sure, kind="stable")]
    mistakes = [row for row in surest if guesses[row] != labels[row]][: MOST["mistake"]]
    turns: Counter[int] = Counter()
    turn = {}
    for row in surest:
        if guesses[row] == labels[row]:
            turn[row] = turns[int(labels[row])]
            turns[int(labels[row])] += 1
    right = sorted(turn, key=lambda row: turn[row])[: MOST["right"]]
    shown = {*mistakes, *right}
    doubts = [int(row) for row in np.argsort(margin, kind="stable") if row not in shown][: MOST["doubt"]]
    return {"mistake": mistakes, "doubt": doubts, "right": right}


def hang(folder: RunFolder, dataset: Dataset, split: Split, probabilities: NDArray[Any], eyes: Eyes) -> Gallery:
    """Write the gallery: `probabilities` `(n, classes)` are those of the pictures of a split."""
    pictures = [dataset.pictures[index] for index in dataset.indices(split)]
    rows = choose(np.array([picture.label for picture in pictures]), probabilities)
    chosen = [
        (pictures[row], _shown(kind, pictures[row], dataset, probabilities[row]))
        for kind, those in rows.items()
        for row in those
    ]
    chosen += _suspects(folder, dataset)
    shutil.rmtree(folder.gallery, ignore_errors=True)
    folder.gallery.mkdir(parents=True)
    small = [decode(picture.path, _fitting(picture)) for picture, _ in chosen]
    for place, pixels in enumerate(small):
        _save(pixels, folder.gallery / f"{place}.jpg")
    explained = _explain(folder, dataset, chosen, small, eyes)
    shown = tuple(replace(each, explained=place in explained) for place, (_, each) in enumerate(chosen))
    write_whole(folder.gallery / "gallery.json", json.dumps(asdict(Gallery(split, shown)), indent=1))
    return Gallery(split, shown)


def read(folder: RunFolder) -> Gallery:
    """Return what `hang` wrote, an empty gallery where there is none; raises RunError when it holds something else."""
    file = folder.gallery / "gallery.json"
    return read_as(file, Gallery)[0] if file.is_file() else Gallery("", ())


def jpeg(folder: RunFolder, place: int, *, explained: bool = False) -> bytes | None:
    """Return a picture of the gallery as a JPEG, None where there is none, or what is there is something else."""
    file = folder.gallery / (f"{place}.map.jpg" if explained else f"{place}.jpg")
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST:
        return None
    content = file.read_bytes()
    return content if content.startswith(b"\xff\xd8\xff") else None


def _explain(
    folder: RunFolder,
    dataset: Dataset,
    chosen: Sequence[tuple[Picture, Shown]],
    small: Sequence[NDArray[np.uint8]],
    eyes: Eyes,
) -> set[int]:
    """Write what speaks for the first few mistakes and right answers; return the places of those that it is told of."""
    kinds = [each.kind for _, each in chosen]
    places = [place for place, kind in enumerate(kinds) if kind in ("mistake", "right")]
    places = [place for place in places if kinds[:place].count(kinds[place]) < EXPLAINED]
    if not places:
        return set()
    pixels = np.stack([decode(chosen[place][0].path, eyes.image_size) for place in places])
    guesses = np.array([dataset.classes.index(chosen[place][1].looks_like) for place in places])
    found = evidence(eyes.features(pixels), guesses, eyes.logits)
    if found is None:
        return set()
    told = {place: one for place, one in zip(places, found, strict=True) if one.max() > 0}
    for place, one in told.items():
        _save(tinted(small[place], one), folder.gallery / f"{place}.map.jpg")
    return set(told)


def _shown(kind: Kind, picture: Picture, dataset: Dataset, row: NDArray[Any]) -> Shown:
    guess = int(row.argmax())
    label, looks_like = dataset.classes[picture.label], dataset.classes[guess]
    sure, agrees = round(float(row[guess]), 4), round(float(row[picture.label]), 4)
    return Shown(kind, relative(Path(picture.path), _root(dataset)), picture.split, label, looks_like, sure, agrees)


def _suspects(folder: RunFolder, dataset: Dataset) -> list[tuple[Picture, Shown]]:
    if not folder.suspects.is_file():
        return []
    files = {relative(Path(picture.path), _root(dataset)): picture for picture in dataset.pictures}
    found = [each for each in suspects.read(folder).suspects if each.file in files][: MOST["suspect"]]
    return [
        (
            files[each.file],
            Shown("suspect", each.file, each.split, each.label, each.looks_like, each.sure, each.agrees),
        )
        for each in found
    ]


def _root(dataset: Dataset) -> Path:
    root = Path(dataset.root)
    return root.parent if root.is_file() else root


def _fitting(picture: Picture) -> tuple[int, int]:
    """Return (height, width) of a picture made small, no side below a quarter of the other."""
    scale = SIDE / max(picture.width, picture.height)
    return max(round(picture.height * scale), SIDE // 4), max(round(picture.width * scale), SIDE // 4)


def _save(pixels: NDArray[np.uint8], file: Path) -> None:
    from PIL import Image

    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=_QUALITY)
    file.write_bytes(content.getvalue())
