"""`autotl embed`: features for other uses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from autotl.cli.output import Json, answering, print_json
from autotl.printable import printable


def embed(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    backbone: Annotated[str, typer.Option(metavar="NAME", help="A backbone, or a .keras file of one.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .npz or .parquet to write.")],
    compare: Annotated[
        bool, typer.Option("--compare", help="Also cross-validate classical algorithms on the features.")
    ] = False,
    image_size: Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of pictures.", min=16)] = None,
    weights: Annotated[str | None, typer.Option(metavar="PATH", help="A file of weights, or random.")] = None,
    plugin: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Also know its backbones.")] = None,
    as_json: Json = False,
) -> None:
    """Write one vector for each picture: what a frozen backbone sees in it."""
    from autotl import embed as room
    from autotl.report import terminal
    from autotl.report.bar import bar

    room.check_format(out)
    with answering(as_json), bar(terminal(stderr=True), "embedding") as on_progress:
        made = room.embed(
            data,
            backbone,
            image_size=image_size,
            weights=weights,
            plugins=plugin or (),
            on_progress=on_progress,
        )
        made.write(out)
        compared = room.compare(made) if compare else []
    pictures, features = made.vectors.shape
    if as_json:
        rows = [dataclasses.asdict(one) for one in compared]
        print_json({"file": out, "pictures": pictures, "features": features, "classical": rows})
        return
    if compared:
        from autotl.report.predictions import classical

        terminal().print(classical(compared))
    typer.echo(f"{pictures} pictures, {features} features each: {printable(out)}")
