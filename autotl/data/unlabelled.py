"""Lists pictures that nobody has labelled: files, folders, globs and CSVs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from autotl.data.listing import expanded, is_picture, is_stray, walk
from autotl.data.table import located, read_rows
from autotl.errors import DataError

_MAGIC = re.compile(r"[*?[]")


def pictures_in(paths: Sequence[str | Path]) -> list[Path]:
    """Return the picture files that paths, folders, globs and CSVs name, in order; a file is taken at its word.

    A glob (`*`, `?`, `[ab]`, and `**` for all folders below) names pictures, other files only by their suffix.
    Raises DataError when it names nothing, or a folder cannot be listed.
    """
    found: list[Path] = []
    for given in paths:
        try:
            found += _named(expanded(Path(given)))
        except OSError as error:
            raise DataError(f"{given} cannot be looked at: {error.strerror or error}.") from error
    return found


def _named(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in walk(path) if is_picture(file))
    elif path.suffix.lower() in (".csv", ".tsv") and not _is_glob(path):
        yield from (located(path, row.path) for row in read_rows(path, ("path",)) if row.path)
    elif _is_glob(path):
        yield from _matching(path)
    else:
        yield path


def _is_glob(path: Path) -> bool:
    """Return whether a path is a glob that no shell has expanded, and not a file with such a name."""
    return bool(_MAGIC.search(str(path))) and not path.exists()


def _matching(pattern: Path) -> list[Path]:
    """Return the pictures that a glob names, by name, each once: `**` names folders and what is in them."""
    plain = next(place for place, part in enumerate(pattern.parts) if _MAGIC.search(part))
    base, rest = Path(*pattern.parts[:plain]), pattern.parts[plain:]
    try:
        matches = sorted(each for each in base.glob(str(Path(*rest))) if not _is_hidden(each, base, rest))
    except ValueError as error:
        raise DataError(f"{pattern} is no glob that can be followed: {error}.") from None
    asked = [each for each in matches if each.is_dir() or is_picture(each) or each.suffix == pattern.suffix != ""]
    files = list(dict.fromkeys(file for each in asked for file in _named(each)))
    if not files:
        raise DataError(f"No picture matches {pattern}. Check the spelling, and where you are.")
    return files


def _is_hidden(match: Path, base: Path, pattern: Sequence[str]) -> bool:
    """Return whether a match lies in a folder that only `*` or `**` leads into, and that is hidden or a stray."""
    parts = match.relative_to(base).parts
    return any(is_stray(Path(part)) and part not in pattern for part in parts)
