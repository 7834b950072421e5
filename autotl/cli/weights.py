"""`autotl weights`: which published weights are here, and fetching others for a machine without a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, print_json
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.plugins import Catalogue
    from autotl.weights import Held

app = typer.Typer(help="Show, fetch or verify the weights of backbones.", no_args_is_help=True)
Files = Annotated[list[Path] | None, typer.Option("--plugin", metavar="FILE", help="Also know its backbones.")]


@app.command("list")
def list_(plugin: Files = None, as_json: Json = False) -> None:
    """List every backbone, where its weights are, and whether they are here."""
    from autotl.weights import held

    _answer(held(_catalogue(plugin)), as_json)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Backbones, as `weights list` names them.")],
    plugin: Files = None,
    as_json: Json = False,
) -> None:
    """Download weights now, for searches without a network; exit with 1 when one cannot be had."""
    from autotl.report import terminal
    from autotl.report.bar import bytes_bar
    from autotl.weights import fetch_all

    with bytes_bar(terminal(stderr=True)) as on_progress:
        done = fetch_all(_catalogue(plugin), dict.fromkeys(names), on_progress)
    _answer(done, as_json)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Default: all that are here.")] = None,
    plugin: Files = None,
    as_json: Json = False,
) -> None:
    """Check the files that are here, by their hash where one is known; exit with 1 when one is damaged."""
    from autotl.weights import held

    found = held(_catalogue(plugin), names or (), thoroughly=True)
    _answer([one for one in found if names or one.state in ("present", "damaged")], as_json)


@app.command()
def where() -> None:
    """Print the folder in which weights are kept."""
    from autotl.weights import folder

    typer.echo(folder())


def _catalogue(plugin: list[Path] | None) -> Catalogue:
    from autotl.plugins import catalogue

    return catalogue(plugin or ())


def _answer(rows: list[Held], as_json: bool) -> None:
    from autotl.weights import folder

    bad = [row for row in rows if row.problem or row.state == "damaged"]
    if as_json:
        plain: list[dict[str, Any]] = [dataclasses.asdict(row) for row in rows]
        print_json({"folder": folder(), "backbones": plain})
    else:
        from autotl.report import terminal
        from autotl.report.weights import table

        terminal().print(table(rows))
        typer.echo(f"in {printable(folder())}")
    if bad:
        raise typer.Exit(1)
