"""Class names that look like one class spelt twice: case, separators, Unicode form, a plural, a slip of one letter."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

_LONG = 5  # letters of a word in which a slip may be suspected: "cat" and "bat" are words of their own
_LONGER = 6  # when the slip puts one letter for another: "horse" and "house"


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that may mean one class, sorted; "class_1" and "class_2" may not."""
    spelt: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        for key in _keys(_words(name)):
            spelt[key].append(name)
    pairs = {pair for same in spelt.values() for pair in combinations(same, 2)}
    return sorted(pair for pair in pairs if _may_be_one(*map(_words, pair)))


def _words(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return tuple(re.findall(r"[^\W_]+", folded))


def _keys(words: tuple[str, ...]) -> Iterator[str]:
    """Yield keys, of which two names that may be one share some: the letters, and those with one of them left out."""
    letters = "".join(words)
    yield from {letters, *(letters[:i] + letters[i + 1 :] for i in range(len(letters)))}


def _may_be_one(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if "".join(one) == "".join(other):
        return len("".join(one)) > 1  # "a" and "A" are two letters
    if len(one) != len(other):
        return False
    different = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(different) == 1 and (_is_plural(*different[0]) or _is_slip(*different[0]))


def _is_plural(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= 3 and short.isalpha() and long in (f"{short}s", f"{short}es")


def _is_slip(one: str, other: str) -> bool:
    """Tell whether one letter too many, too few, wrong, or two in wrong order make one word of the other."""
    if not (one.isalpha() and other.isalpha()) or min(len(one), len(other)) < _LONG:
        return False
    short, long = sorted((one, other), key=len)
    if len(short) < len(long):
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    wrong = [i for i in range(len(one)) if one[i] != other[i]]
    if len(wrong) == 1:
        return len(one) >= _LONGER
    return (
        len(wrong) == 2
        and wrong[1] == wrong[0] + 1
        and one[wrong[0]] == other[wrong[1]]
        and one[wrong[1]] == other[wrong[0]]
    )
