"""`autotl predict` and `evaluate`: what the best model of a run, or a saved one, says of other pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, flows_on, print_json, print_rows
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.predict import Prediction, Predictions

Source = Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="Run folder of a search, or an exported model.")]
Plugin = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Also know its layers and formats; it is run.")]
BatchSize = Annotated[int, typer.Option(metavar="N", help="Pictures that the model is shown at a time.", min=1)]


def predict(
    source: Source,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, folders of them, globs, or CSVs.")],
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a table of all classes.")] = None,
    top: Annotated[int | None, typer.Option(metavar="K", help="Show the K most likely classes.", min=1)] = None,
    threshold: Annotated[
        float, typer.Option(metavar="SHARE", help="Abstain where the likeliest class has less.", min=0, max=1)
    ] = 0.0,
    batch_size: BatchSize = 32,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Label pictures, however many; one that cannot be read is named and does not stop the others."""
    from autotl import predict as room
    from autotl.report import terminal
    from autotl.report.bar import bar
    from autotl.report.predictions import Sheet

    out, sheet = sys.stdout, Sheet(terminal(), top)
    with answering(as_json), bar(terminal(stderr=True), "labelling", hidden=flows_on(out)) as on_progress:
        made = room.predictions(
            source,
            paths,
            threshold=threshold,
            batch_size=batch_size,
            plugins=plugin or (),
            on_progress=on_progress,
        )
        with _written(csv, made) as rows:
            if as_json:
                print_rows((_row(one, top) for one in rows), out)
            else:
                sheet.fill(rows, made.classes)
    if not as_json:
        sheet.end()
        if csv is not None:
            typer.echo(f"written to {printable(csv)}")


def evaluate(
    source: Source,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write what is said of each picture.")] = None,
    batch_size: BatchSize = 32,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """Score a model on labelled pictures, class by class; a test part among them counts alone."""
    from autotl.evaluate import evaluate as measure
    from autotl.report import terminal
    from autotl.report.bar import bar

    with answering(as_json), bar(terminal(stderr=True), "scoring") as on_progress:
        done = measure(source, data, csv=csv, batch_size=batch_size, plugins=plugin or (), on_progress=on_progress)
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    from autotl.report.evaluation import evaluation

    terminal().print(evaluation(done))
    if csv is not None:
        typer.echo(f"written to {printable(csv)}")


@contextlib.contextmanager
def _written(csv: Path | None, made: Predictions) -> Iterator[Iterable[Prediction]]:
    """Yield the predictions, each written to a table as it comes, if one is wanted."""
    if csv is None:
        yield made
        return
    from autotl.rows import csv_of

    with csv_of(csv, made.classes) as write:
        yield (_told(one, write) for one in made)


def _told(one: Prediction, write: Callable[[Prediction], None]) -> Prediction:
    write(one)
    return one


def _row(one: Prediction, top: int | None) -> dict[str, Any]:
    plain = dataclasses.asdict(one)
    return {**plain, "probabilities": dict(list(one.probabilities.items())[:top])}
