"""`autotl predict`, `evaluate` and `export`: using the best model of a run, or a saved one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from autotl.cli.output import Json, answering, print_json

Source = Annotated[Path, typer.Argument(metavar="RUN|MODEL.keras", help="Run folder of a search, or a saved model.")]


def predict(
    source: Source,
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Pictures, or folders of them.")],
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a table of all classes.")] = None,
    top: Annotated[int | None, typer.Option(metavar="K", help="Show the K most likely classes.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Label pictures; one that cannot be read is named and does not stop the others."""
    from autotl import predict as room
    from autotl.report import terminal
    from autotl.report.bar import bar

    with answering(as_json), bar(terminal(stderr=True), "labelling") as on_progress:
        made = room.predict(source, paths, top=top, on_progress=on_progress)
        if csv is not None:
            room.write_csv(made, csv)
    if as_json:
        print_json([dataclasses.asdict(one) for one in made])
        return
    from autotl.report.predictions import predictions

    terminal().print(predictions(made, top))
    if csv is not None:
        typer.echo(f"written to {csv}")


def evaluate(
    source: Source,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    as_json: Json = False,
) -> None:
    """Score a model on labelled pictures, class by class."""
    from autotl import predict as room
    from autotl.report import terminal
    from autotl.report.bar import bar

    with answering(as_json), bar(terminal(stderr=True), "scoring") as on_progress:
        done = room.evaluate(source, data, on_progress=on_progress)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    from autotl.report.predictions import evaluation

    terminal().print(evaluation(done))


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of a search.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")],
    format: Annotated[str, typer.Option(metavar="NAME", help="`autotl plugins list` shows all.")] = "keras",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the best model of a run as a file that works without autotl."""
    from autotl.export import export as write

    with answering(True):
        written = write(run, out, format=format, overwrite=force)
    typer.echo(f"written: {written}")
