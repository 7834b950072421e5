"""Reads folders: one folder per class, or train, valid and test folders with class folders inside."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autotl.data.dataset import SPLITS, Split
from autotl.data.finding import Finding, found
from autotl.data.listing import SPELLINGS, Entry, Listing, files, folders, ignored, is_picture, relative, walk
from autotl.data.matching import match, shortest
from autotl.errors import DataError

EXPLAINED = "Put the pictures of each class into a folder named as the class, or list them in a CSV"


def read_folder(root: Path) -> Listing:
    """Return what a folder holds; raises DataError when it holds no class folders."""
    parts = split_folders(root)
    return _read_splits(root, parts) if parts else class_folders(root, root)


def split_folders(root: Path) -> dict[Split, Path]:
    """Return the train, valid and test folders, or nothing when the folders of `root` are classes.

    A class may well be named "train" (beside "bus"): a lone split beside other folders must hold class folders.
    Raises DataError when a split has two folders, or train is missing.
    """
    named = [path for path in folders(root) if path.name.lower() in SPELLINGS]
    splits = [SPELLINGS[path.name.lower()] for path in named]
    others = any(_holds_pictures(path) for path in folders(root) if path not in named)
    if not named or (others and len(set(splits)) < 2 and not any(map(_holds_classes, named))):
        return {}
    for split in SPLITS:
        same = [path.name for path, its in zip(named, splits, strict=True) if its == split]
        if len(same) > 1:
            raise DataError(f"{root} has two folders for one split, {same[0]!r} and {same[1]!r}. Keep one of them.")
    if "train" not in splits:
        raise DataError(f"{root} has a folder {named[0].name!r}, but none named 'train'. Add one to learn from.")
    return dict(zip(splits, named, strict=True))


def class_folders(root: Path, folder: Path, split: Split | None = None) -> Listing:
    """Return what the class folders inside `folder` hold; raises DataError when none holds pictures."""
    entries: list[Entry] = []
    stray = [path for path in files(folder) if not is_picture(path)]
    loose = [path for path in files(folder) if is_picture(path)]
    classes = folders(folder)
    for each in classes:
        for file in walk(each, above=(root, folder)):
            if is_picture(file):
                entries.append(Entry(file, each.name, split))
            else:
                stray.append(file)
    if not entries:
        held = "pictures, but no class folders" if loose else "no pictures"
        raise DataError(f"{folder} holds {held}. {EXPLAINED}.")
    findings = (*_loose(loose, root), *ignored(stray, root))
    return Listing(root, tuple(entries), tuple(path.name for path in classes), findings)


def _read_splits(root: Path, parts: dict[Split, Path]) -> Listing:
    inside = {split: class_folders(root, folder, split) for split, folder in parts.items()}
    names, findings = _common_names(parts, inside)
    entries = [
        Entry(entry.path, names[split, entry.label], split) for split, part in inside.items() for entry in part.entries
    ]
    for part in inside.values():
        findings += part.findings
    beside = tuple(path.name for path in folders(root) if path not in parts.values() and _holds_pictures(path))
    if beside:
        findings.append(found("ignored", f"Folders beside train are left out: {', '.join(beside)}.", beside))
    findings += _loose([path for path in files(root) if is_picture(path)], root)
    findings += ignored([path for path in files(root) if not is_picture(path)], root)
    return Listing(root, tuple(entries), tuple(sorted(set(names.values()))), tuple(findings))


def _common_names(
    parts: dict[Split, Path], inside: dict[Split, Listing]
) -> tuple[dict[tuple[Split, str], str], list[Finding]]:
    """Return the class of each (split, folder name), and a finding for each class with several spellings."""
    classes = inside["train"].classes
    spellings: dict[str, list[str]] = {name: [] for name in classes}
    pairs: dict[tuple[Split, str], str] = {}
    for split, part in inside.items():
        matched = match(part.classes, classes, where=str(parts[split]))
        for name in part.classes:
            target = matched.get(name, name)
            pairs[split, name] = target
            spellings.setdefault(target, []).append(name)
    short = shortest(spellings)
    return {key: short[target] for key, target in pairs.items()}, _matched(spellings.values())


def _holds_pictures(folder: Path) -> bool:
    return any(is_picture(file) for file in walk(folder))


def _holds_classes(folder: Path) -> bool:
    return not any(map(is_picture, files(folder))) and sum(map(_holds_pictures, folders(folder))) > 1


def _loose(paths: list[Path], root: Path) -> list[Finding]:
    if not paths:
        return []
    message = f"Pictures beside the class folders have no class and are left out: {len(paths)}."
    return [found("loose", message, tuple(relative(path, root) for path in paths))]


def _matched(spellings: Iterable[Iterable[str]]) -> list[Finding]:
    several = [sorted(set(names), key=lambda name: (len(name), name)) for names in spellings if len(set(names)) > 1]
    if not several:
        return []
    pairs = "; ".join(" = ".join(names) for names in several)
    message = f"Folders whose names differ by a suffix are taken for one class: {pairs}."
    return [found("matched", message, tuple(name for names in several for name in names))]
