"""`autotl sample`: small real data sets to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autotl.printable import printable

app = typer.Typer(help="Write a small real data set to begin with.", no_args_is_help=True)


@app.callback()
def _sample() -> None:
    """Write a small real data set to begin with."""


@app.command()
def digits(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to.")]) -> None:
    """Write handwritten digits as PNG files, a folder per class."""
    import shlex

    from autotl.data.sample import digits as write

    count = write(folder)
    typer.echo(
        f"{count} pictures in {printable(folder)}. Next: autotl search {printable(shlex.quote(str(folder)))} --time 2m"
    )
