"""What goes to standard output: JSON for programs, one value and nothing else."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

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
