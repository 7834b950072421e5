"""What goes to standard output: JSON for programs, one value and nothing else."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for programs.")]


@contextlib.contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Keep standard output clean for the JSON answer: whatever a library prints goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def print_json(thing: Any) -> None:
    """Print plain data as JSON; numbers that JSON cannot hold become null."""
    typer.echo(json.dumps(_plain(thing), indent=2, allow_nan=False))


def print_rows(rows: Iterable[Any], out: TextIO) -> None:
    """Print plain data as one JSON array, each row as it comes; nothing where there is an error before the first."""
    begun = False
    for row in rows:
        text = json.dumps(_plain(row), indent=2, allow_nan=False)
        typer.echo(f"{',' if begun else '['}\n{textwrap.indent(text, '  ')}", file=out, nl=False)
        begun = True
    typer.echo("\n]" if begun else "[]", file=out)


def flows_on(out: TextIO) -> bool:
    """Return whether what is printed goes to another program, whose own output a progress bar might wipe away."""
    try:
        return stat.S_ISFIFO(os.fstat(out.fileno()).st_mode)
    except (OSError, ValueError):  # no file of the system's
        return False


def _plain(thing: Any) -> Any:
    if isinstance(thing, Mapping):
        return {str(name): _plain(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_plain(value) for value in thing]
    if isinstance(thing, float) and not math.isfinite(thing):
        return None
    if isinstance(thing, Path):
        return str(thing)
    return thing.item() if hasattr(thing, "item") else thing  # a number of numpy
