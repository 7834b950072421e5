"""`autotl pretrain`: a source model that becomes a backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autotl.cli.output import Json, answering, print_json
from autotl.printable import printable

Student = Literal["residual", "mobilenet", "mobilenet_v2", "mobilenet_v3_small"]  # as in settings, slow to import
BUDGET, STUDENT, PICTURES, MACHINE = "Budget", "Teacher and student", "Pictures", "Machine"


def pretrain(
    source: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Folders of pictures.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.keras", help="The backbone to write.")],
    time: Annotated[
        str | None, typer.Option("--time", "-t", metavar="SPAN", help="Default 1h.", rich_help_panel=BUDGET)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after so many views.", min=1, rich_help_panel=BUDGET)
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Learn what this backbone sees; else labels.", rich_help_panel=STUDENT),
    ] = None,
    teacher_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of its pictures.", min=32, rich_help_panel=STUDENT)
    ] = None,
    depths: Annotated[
        int,
        typer.Option(
            metavar="N", help="Places in it, its end first, that are learnt.", min=1, max=4, rich_help_panel=STUDENT
        ),
    ] = 1,
    student: Annotated[
        Student,
        typer.Option(metavar="NAME", help="residual, mobilenet, _v2 or _v3_small.", rich_help_panel=STUDENT),
    ] = "residual",
    width: Annotated[float, typer.Option(metavar="X", help="Of the student's layers.", rich_help_panel=STUDENT)] = 1.0,
    image_size: Annotated[
        int, typer.Option(metavar="PIXELS", help="Side of its pictures.", min=32, rich_help_panel=STUDENT)
    ] = 96,
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Weights of the teacher.", rich_help_panel=STUDENT),
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Also know its backbones.", rich_help_panel=STUDENT)
    ] = None,
    views: Annotated[
        int | None, typer.Option(metavar="N", help="Most versions of a picture.", min=1, rich_help_panel=PICTURES)
    ] = None,
    generated: Annotated[
        int, typer.Option(metavar="N", help="Made-up pictures in each view.", min=0, rich_help_panel=PICTURES)
    ] = 0,
    mix: Annotated[
        float | None, typer.Option(metavar="SHARE", help="With a piece of another picture.", rich_help_panel=PICTURES)
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA", help="Labelled data to measure it on; repeatable.", rich_help_panel=PICTURES),
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE=TEXT", help="For the model card.", rich_help_panel=PICTURES),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", min=2, rich_help_panel=BUDGET)] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="RATE", rich_help_panel=BUDGET)] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, rich_help_panel=BUDGET)] = 0,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where views are kept.", rich_help_panel=MACHINE)
    ] = None,
    cache_quota: Annotated[
        float | None, typer.Option(metavar="GB", help="Disk for kept views.", rich_help_panel=MACHINE)
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights as float16.", rich_help_panel=MACHINE)
    ] = False,
    as_json: Json = False,
) -> None:
    """Pretrain a small network, from labels or from a teacher, into a backbone of your own.

    The same command goes on after a stop or a kill. A model card is written beside the backbone.
    """
    from autotl.config import read_pairs, read_seconds
    from autotl.pretrain.settings import make

    config = make(
        sources=tuple(source),
        out=str(out),
        seconds=None if time is None else read_seconds(time),
        epochs=epochs,
        teacher=teacher,
        teacher_size=teacher_size,
        depths=depths,
        student=student,
        width=width,
        image_size=image_size,
        weights=read_pairs(weights or [], "--weights"),
        plugins=tuple(str(file) for file in plugin or ()),
        views=views,
        generated=generated,
        mix=mix,
        probes=tuple(probe or ()),
        licences=read_pairs(licence or [], "--licence"),
        batch_size=batch_size,
        learning_rate=learning_rate,
        half=half,
        seed=seed,
        cache=None if cache is None else str(cache),
        cache_quota=cache_quota,
    )
    from autotl.pretrain import flow
    from autotl.report import terminal
    from autotl.report.pretraining import watching

    with answering(as_json), watching(terminal(stderr=True)) as tell:
        card = flow.pretrain(config, tell)
    if as_json:
        import dataclasses

        print_json(dataclasses.asdict(card))
        return
    from rich.markdown import Markdown

    terminal().print(Markdown("\n".join(map(printable, card.markdown().splitlines()))))
    typer.echo(f"written: {', '.join(printable(out.with_suffix(end)) for end in (out.suffix, '.json', '.md'))}")
