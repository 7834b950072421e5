"""`autotl predict`, `evaluate` and `export`: using the best model of a run, or a saved one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, print_json
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.predict import Prediction

Source = Annotated[Path, typer.Argument(metavar="RUN|MODEL.keras", help="Run folder of a search, or a saved model.")]


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
    source: Source,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")],
    format: Annotated[str, typer.Option(metavar="NAME", help="`autotl plugins list` shows all.")] = "keras",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    plugin: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Also know its formats.")] = None,
) -> None:
    """Write the best model as a file that works without autotl, and check that it does."""
    from autotl.export import export as write

    with answering(True):
        written = write(source, out, format=format, overwrite=force, plugins=plugin or ())
    typer.echo(f"written: {printable(written)}")


def _row(one: Prediction, top: int | None) -> dict[str, Any]:
    plain = dataclasses.asdict(one)
    return {**plain, "probabilities": dict(list(one.probabilities.items())[:top])}
