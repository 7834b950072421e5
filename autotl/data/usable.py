"""The files of a listing that can be used: what each was found to be, and which of them show the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotl.data.dataset import SPLITS, Split
from autotl.data.finding import Finding, found, named
from autotl.data.forest import Forest
from autotl.data.listing import Entry, Listing, relative

if TYPE_CHECKING:
    from autotl.data.check import Checked

OnProgress = Callable[[int, int], object]
_TRAITS = {
    "wrong_suffix": "Pictures of another format than their names say",
    "tiny": "Pictures less than 32 pixels high or wide",
    "narrow": "Pictures more than 4 times as long as wide",
    "huge": "Pictures of more than 40 million pixels",
    "rotated": "Pictures that their EXIF turns",
    "animated": "Pictures of several frames",
    "alpha": "Pictures with transparency",
    "palette": "Pictures with a palette",
    "cmyk": "Pictures in CMYK",
    "deep": "Pictures of 16 and more bits a channel",
}


@dataclass(frozen=True, slots=True)
class Usable:
    """A file that can be used: what the listing and the check say of it.

    `exact` and `near` are numbers of the sets it is in: of copies pixel for pixel, and of all that show the same.
    """

    entry: Entry
    checked: Checked
    exact: int
    near: int


def usable(
    listing: Listing, on_progress: OnProgress | None, max_megapixels: float
) -> tuple[list[Usable], list[Finding]]:
    """Return the files that can be used, by content, and what was found wrong or odd in single files."""
    from autotl.data.check import check  # Pillow is imported when there is something to read
    from autotl.data.duplicates import find

    paths = [entry.path for entry in listing.entries]
    pairs = list(zip(listing.entries, check(paths, on_progress, max_megapixels=max_megapixels), strict=True))
    kept = [(entry, checked) for entry, checked in pairs if not checked.problem]
    kept.sort(key=lambda pair: (pair[1].digest, str(pair[0].path)))
    twins = find([entry.path for entry, _ in kept], [checked for _, checked in kept], max_megapixels)
    files = [
        Usable(entry, checked, exact, near)
        for (entry, checked), exact, near in zip(kept, twins.exact, twins.near, strict=True)
    ]
    return files, [*_problems(listing, pairs), *_oddities(listing, kept)]


def held_back(files: Sequence[Usable]) -> dict[int, Split]:
    """Return the places of pictures given for training that are given for a later part too, and that part."""
    given: dict[int, Split] = {}
    for part in SPLITS[1:]:
        given.update({each.exact: part for each in files if each.entry.split == part})
    return {i: given[f.exact] for i, f in enumerate(files) if f.entry.split == "train" and f.exact in given}


def units(files: Sequence[Usable], *, keep_duplicates: bool) -> list[str]:
    """Return for each file a name of those that a split must keep together: its group, and all that show the same.

    With `keep_duplicates` groups alone matter, and every copy goes its own way.
    """
    if keep_duplicates:
        return _alone(files)
    forest, first = Forest(len(files)), dict[object, int]()
    for index, each in enumerate(files):
        forest.join(index, first.setdefault(each.near, index))
        if each.entry.group is not None:
            forest.join(index, first.setdefault(("group", each.entry.group), index))
    return [_own(files[root]) for root in forest.roots()]


def _own(each: Usable) -> str:
    return each.entry.group or each.checked.digest


def _alone(files: Sequence[Usable]) -> list[str]:
    counts: dict[str, int] = defaultdict(int)
    names = []
    for each in files:
        counts[each.checked.digest] += 1
        number = counts[each.checked.digest]
        names.append(each.entry.group or each.checked.digest + (f"-{number}" if number > 1 else ""))
    return names


def _problems(listing: Listing, pairs: Sequence[tuple[Entry, Checked]]) -> list[Finding]:
    """Return one finding for each reason that files are left out for."""
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry, checked in pairs:
        if checked.problem:
            files[checked.kind, checked.problem].append(relative(entry.path, listing.root))
    return [
        found(kind, f"Left out, because {words}: {len(names)} ({named(names)}).", tuple(names))
        for (kind, words), names in sorted(files.items())
    ]


def _oddities(listing: Listing, kept: Sequence[tuple[Entry, Checked]]) -> list[Finding]:
    """Return one finding for each kind of oddity in pictures that can be used all the same."""
    files: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry, checked in kept:
        for kind, detail in checked.traits:
            files[kind].append((relative(entry.path, listing.root), detail))
    told = []
    for kind, what in _TRAITS.items():
        of_kind = sorted(files[kind])
        if of_kind:
            shown = named([f"{name} is {detail}" if detail else name for name, detail in of_kind])
            told.append(found(kind, f"{what}: {len(of_kind)} ({shown}).", tuple(name for name, _ in of_kind)))
    return told
