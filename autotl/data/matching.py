"""Matches class folders of different splits whose names differ by a suffix: one class, several spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autotl.errors import DataError


def match(names: Iterable[str], known: Iterable[str], where: str) -> dict[str, str]:
    """Return, for each of `names`, the one of `known` that is the same class; those without are left out.

    Equal names are one class; so are "cat" and "cat_left" where the rest begins with a sign, unless either has
    a partner of its own. `where` says in errors where `names` come from.
    Raises DataError when a name could belong to two classes, or two names to one.
    """
    mine, theirs = sorted(set(names)), set(known)
    pairs = {name: name for name in mine if name in theirs}
    free = sorted(theirs - set(pairs))
    for name in mine:
        if name in pairs:
            continue
        fits = [other for other in free if _alike(name, other)]
        if len(fits) > 1:
            raise DataError(f"Class {name!r} of {where} could be {_words(fits)}. Rename it as the class it is.")
        if fits:
            pairs[name] = fits[0]
    _refuse_sharing(pairs, where)
    return pairs


def shortest(spellings: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return a name for each class: the shortest of its spellings, the first by alphabet among equals."""
    return {name: min([name, *others], key=lambda text: (len(text), text)) for name, others in spellings.items()}


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    rest = long[len(short) :]
    return bool(short) and long.startswith(short) and (not rest or not rest[0].isalnum())


def _refuse_sharing(pairs: Mapping[str, str], where: str) -> None:
    for target in set(pairs.values()):
        sharing = sorted(name for name, other in pairs.items() if other == target)
        if len(sharing) > 1:
            raise DataError(f"Classes {_words(sharing)} of {where} could all be {target!r}. Give each its own name.")


def _words(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names)
