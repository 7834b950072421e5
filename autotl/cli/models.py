"""`autotl predict`, `evaluate` and `export`: using the best model of a run, or a saved one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, print_json
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.export import Exported, Plan
    from autotl.predict import Prediction

Source = Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="Run folder of a search, or an exported model.")]
Saved = Annotated[Path, typer.Argument(metavar="RUN|MODEL.keras", help="Run folder of a search, or a Keras model.")]


def predict(
    source: Source,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, folders of them, or a CSV.")],
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a table of all classes.")] = None,
    top: Annotated[int | None, typer.Option(metavar="K", help="Show the K most likely classes.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Label pictures; one that cannot be read is named and does not stop the others."""
    from autotl import predict as room
    from autotl.report import terminal
    from autotl.report.bar import bar

    with answering(as_json), bar(terminal(stderr=True), "labelling") as on_progress:
        made = room.predict(source, paths, on_progress=on_progress)
        if csv is not None:
            room.write_csv(made, csv)
    if as_json:
        print_json([_row(one, top) for one in made])
        return
    from autotl.report.predictions import predictions

    console = terminal()
    console.print(predictions(made, width=console.width, top=top))
    if csv is not None:
        typer.echo(f"written to {printable(csv)}")


def evaluate(
    source: Source,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    as_json: Json = False,
) -> None:
    """Score a model on labelled pictures, class by class; a test part among them counts alone."""
    from autotl.evaluate import evaluate as measure
    from autotl.report import terminal
    from autotl.report.bar import bar

    with answering(as_json), bar(terminal(stderr=True), "scoring") as on_progress:
        done = measure(source, data, on_progress=on_progress)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    from autotl.report.predictions import evaluation

    terminal().print(evaluation(done))


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
        from autotl.report.exports import exports

        terminal().print(exports(made))
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


def _row(one: Prediction, top: int | None) -> dict[str, Any]:
    plain = dataclasses.asdict(one)
    return {**plain, "probabilities": dict(list(one.probabilities.items())[:top])}
