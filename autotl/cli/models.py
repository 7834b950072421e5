"""`autotl export`: the best model of a run, or a saved one, for use elsewhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, print_json

if TYPE_CHECKING:
    from autotl.export import Exported, Plan

Saved = Annotated[Path, typer.Argument(metavar="RUN|MODEL.keras", help="Run folder of a search, or a Keras model.")]


def export(
    source: Saved,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE|DIR", help="File to write, or a folder for it.")],
    format: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="keras if not told, see `autotl plugins list`; repeatable."),
    ] = None,
    quantize: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="float16, dynamic or int8, where a format offers it; repeatable."),
    ] = None,
    assert_accuracy_at_least: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Fail if the export scores less.", min=0, max=1)
    ] = None,
    plugin: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Also know its formats.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files; keep what strays from Keras.")] = False,
    as_json: Json = False,
) -> None:
    """Write the best model for use without autotl, and compare it with Keras in a process of its own."""
    from autotl.export import planned

    plans = planned(source, out, format or ["keras"], quantize or (), plugins=plugin or ())
    with answering(as_json):
        made = _exported(source, plans, force, assert_accuracy_at_least)
    if as_json:
        print_json([_told(one) for one in made])
    else:
        from autotl.report import terminal
        from autotl.report.exports import exports, verdict

        console = terminal()
        console.print(exports(made), "")
        for one in made:
            console.print(verdict(one), soft_wrap=True)
    if not all(one.accepted for one in made):
        raise typer.Exit(1)


def _exported(source: Path, plans: list[Plan], force: bool, at_least: float | None) -> list[Exported]:
    from autotl.export import exports
    from autotl.quiet import quiet
    from autotl.report import terminal

    with quiet(), terminal().status("loading the model") as status:
        return list(exports(source, plans, force=force, at_least=at_least, on_step=status.update))


def _told(one: Exported) -> dict[str, Any]:
    plain = dataclasses.asdict(one)
    if one.parity:
        del plain["parity"]["modules"]  # all that was imported: for tests
    return plain
