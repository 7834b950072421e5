"""The Dataset: which pictures there are, what they show, and which part of the search may see them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from autotl.data.finding import Finding

Split = Literal["train", "valid", "test"]
MEGAPIXELS = 179.0  # in one picture, at most: the limit that Pillow has by itself
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Picture:
    """One readable file: its absolute path, the index of its class, its split, a hash of its bytes.

    `width` and `height` are in pixels, as displayed (EXIF orientation applied). `twins` names the set of pictures
    that show the same, None where there is no other.
    """

    path: str
    label: int
    split: Split
    digest: str
    width: int
    height: int
    group: str | None = None
    twins: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures, sorted by (digest, path), so that the order is the content's and not the folder's.

    `made_test` tells that the test part was drawn from the training pictures, not given.
    """

    root: str
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    findings: tuple[Finding, ...] = ()
    made_valid: bool = False
    made_test: bool = False

    def indices(self, *splits: Split) -> tuple[int, ...]:
        """Return the positions of the pictures of some splits, ascending."""
        return tuple(i for i, picture in enumerate(self.pictures) if picture.split in splits)

    @property
    def has_test(self) -> bool:
        """Whether any picture is kept untouched for the end."""
        return any(picture.split == "test" for picture in self.pictures)

    @property
    def fingerprint(self) -> str:
        """A hash of contents, labels and splits; paths do not matter."""
        rows = [(p.digest, self.classes[p.label], p.split) for p in self.pictures]
        return sha256(json.dumps(rows).encode()).hexdigest()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of pictures by split and class."""
        table: dict[str, dict[str, int]] = {split: dict.fromkeys(self.classes, 0) for split in SPLITS}
        for picture in self.pictures:
            table[picture.split][self.classes[picture.label]] += 1
        return table

    def to_json(self) -> str:
        """Return everything as JSON text."""
        return json.dumps({"fingerprint": self.fingerprint, **dataclasses.asdict(self)}, indent=1)


def dataset_from(plain: Mapping[str, Any]) -> Dataset:
    """Return the dataset that `Dataset.to_json` wrote, from its parsed JSON."""
    return Dataset(
        root=plain["root"],
        classes=tuple(plain["classes"]),
        pictures=tuple(Picture(**picture) for picture in plain["pictures"]),
        findings=tuple(_finding(each) for each in plain["findings"]),
        made_valid=plain["made_valid"],
        made_test=plain["made_test"],
    )


def _finding(plain: Mapping[str, Any]) -> Finding:
    sets = tuple(tuple(names) for names in plain.get("sets", ()))
    return Finding(plain["kind"], plain["message"], tuple(plain["files"]), plain.get("advice", ""), sets)
