"""The one split that all competitors of the race get: train and valid for everyone, held-out pictures for no one."""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

VALID, HELD_OUT = 0.25, 0.2  # shares drawn where the data have no such part: 60/20/20, or 80/20 of train alone
_ALONE = 0.2


@dataclass(frozen=True)
class Split:
    """Two folders of links: `given` has train and valid with class folders inside, `held_out` class folders."""

    given: Path
    held_out: Path

    def counts(self) -> str:
        """Return how many pictures each part has, in words."""
        parts = {"train": self.given / "train", "valid": self.given / "valid", "held-out": self.held_out}
        return ", ".join(f"{len(list(folder.glob('*/*')))} {name}" for name, folder in parts.items()) + " pictures"


def split(data: Path, into: Path) -> Split:
    """Write the split of a folder or CSV as links; the same data give the same split, whatever the seed.

    With train, valid and test parts, these are taken as they are. With two parts, the second is held out and a
    fifth of train becomes valid. With none, a fifth of each class is held out and a quarter of the rest is valid.
    """
    from autotl.data.load import read

    shutil.rmtree(into, ignore_errors=True)
    parts: dict[str | None, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for entry in read(data).entries:
        parts[entry.split][entry.label].append(entry.path)
    if None in parts:
        rest, held_out = _draw(parts[None], HELD_OUT)
        train, valid = _draw(rest, VALID)
    elif "valid" in parts and "test" in parts:
        train, valid, held_out = parts["train"], parts["valid"], parts["test"]
    else:
        held_out = parts["test"] or parts["valid"]
        train, valid = _draw(parts["train"], _ALONE)
    done = Split(into / "given", into / "held_out")
    for folder, classes in (
        (done.given / "train", train),
        (done.given / "valid", valid),
        (done.held_out, held_out),
    ):
        _link(folder, classes)
    return done


def _draw(classes: dict[str, list[Path]], share: float) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Return what stays, and a share of each class that is drawn from it."""
    stays, drawn = {}, {}
    for name, files in classes.items():
        shuffled = sorted(files)
        random.Random(0).shuffle(shuffled)
        count = round(share * len(shuffled))
        stays[name], drawn[name] = shuffled[count:], shuffled[:count]
    return stays, drawn


def _link(folder: Path, classes: dict[str, list[Path]]) -> None:
    for name, files in classes.items():
        (folder / name).mkdir(parents=True)
        for file in files:
            (folder / name / file.name).symlink_to(file.resolve())
