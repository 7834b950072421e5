"""Names that strangers chose, written so that a terminal obeys nothing in them and a reader sees all of them."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian, the scripts of India and emoji are spelt with them


def printable(text: object) -> str:
    """Return a name (of a file, a class, a part) with control characters written out, such as `\\x1b` and `\\n`.

    Ordinary text of any script stays as it is. So does markup of rich: consoles are made not to read it.
    """
    return "".join(char if _is_ordinary(char) else _written_out(char) for char in str(text))


def _is_ordinary(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
