"""What duplicates and groups do to a dataset: one picture under two labels, scores that flatter, copies for nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autotl.data.dataset import SPLITS, Dataset, Picture, Split
from autotl.data.finding import Finding, found


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as duplicates are told of: its name in findings, and the sets it is in."""

    name: str
    label: str
    split: str
    exact: int
    near: int


def leaked(dataset: Dataset, split: Split) -> tuple[int, ...]:
    """Return the places, among the pictures of a split, of those with a twin or a group in an earlier part.

    Train comes first, then valid, then test. Scores on them flatter.
    """
    earlier = SPLITS[: SPLITS.index(split)]
    known = {key for picture in dataset.pictures if picture.split in earlier for key in _keys(picture)}
    pictures = [picture for picture in dataset.pictures if picture.split == split]
    return tuple(place for place, picture in enumerate(pictures) if known & _keys(picture))


def of_pictures(pictures: Sequence[Seen]) -> list[Finding]:
    """Return what duplicates there are, each set told once under the gravest that is true of it."""
    exact, near = _sets(pictures, lambda each: each.exact), _sets(pictures, lambda each: each.near)
    near = [same for same in near if len({each.exact for each in same}) > 1]
    return [
        *_told("two_labels", "The same pictures under different classes", [s for s in exact if _labels(s) > 1]),
        *_told(
            "leak", "The same pictures in different splits; scores there flatter", [s for s in exact if _splits(s) > 1]
        ),
        *_told("alike_labels", "Pictures nearly the same under different classes", [s for s in near if _labels(s) > 1]),
        *_told(
            "alike_leak",
            "Pictures nearly the same in different splits; scores there flatter",
            [s for s in near if _splits(s) > 1],
        ),
        *_told("copies", "The same pictures several times in one class", [s for s in exact if _is_quiet(s)]),
        *_told("alike", "Pictures nearly the same in one class", [s for s in near if _is_quiet(s)]),
    ]


def of_groups(dataset: Dataset, names: Sequence[str]) -> list[Finding]:
    """Tell which groups lie in two splits; `names` are those of the pictures in findings."""
    where: dict[str, list[int]] = defaultdict(list)
    for index, picture in enumerate(dataset.pictures):
        if picture.group is not None:
            where[picture.group].append(index)
    shared = [same for same in where.values() if len({dataset.pictures[i].split for i in same}) > 1]
    if not shared:
        return []
    sets = tuple(tuple(names[i] for i in same) for same in shared)
    return [found("group_leak", f"Groups found in two splits: {len(shared)}; scores there flatter.", sets=sets)]


def _keys(picture: Picture) -> set[tuple[str, str]]:
    keys = {"twins": picture.twins, "group": picture.group}
    return {(name, value) for name, value in keys.items() if value is not None}


def _sets(pictures: Sequence[Seen], key: Callable[[Seen], int]) -> list[list[Seen]]:
    grown: dict[int, list[Seen]] = defaultdict(list)
    for each in pictures:
        grown[key(each)].append(each)
    return [same for same in grown.values() if len(same) > 1]


def _labels(same: Sequence[Seen]) -> int:
    return len({each.label for each in same})


def _splits(same: Sequence[Seen]) -> int:
    return len({each.split for each in same})


def _is_quiet(same: Sequence[Seen]) -> bool:
    return _labels(same) == 1 and _splits(same) == 1


def _told(kind: str, what: str, sets: Sequence[Sequence[Seen]]) -> list[Finding]:
    if not sets:
        return []
    names = tuple(tuple(each.name for each in same) for same in sets)
    first = " = ".join(names[0][:2]) + (" = …" if len(names[0]) > 2 else "")
    count = sum(map(len, names))
    message = f"{what}: {count} in {len(names)} sets ({first}{'; …' if len(names) > 1 else ''})."
    return [found(kind, message.replace(" in 1 sets", " in 1 set"), sets=names)]
