"""`autotl search`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autotl.cli.output import Json, answering, print_json

if TYPE_CHECKING:
    from autotl.result import SearchResult

Precision = Literal["auto", "float32", "mixed"]
Metric = Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss"]  # as in config, which is slow to import
Preset = Literal["quick", "balanced", "best"]
BUDGET, TRY, DATA, MACHINE, OUTPUT = "Budget", "What to try", "Data", "Machine", "Output"


def search(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Folder of labelled pictures, or a CSV of paths and labels.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Run folder; default runs/NAME.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            "--time", "-t", metavar="SPAN", help="Stop after 90s, 5m, 1.5h; default 10m.", rich_help_panel=BUDGET
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after so many trials.", min=1, rich_help_panel=BUDGET)
    ] = None,
    preset: Annotated[
        Preset | None,
        typer.Option(
            metavar="NAME", help="quick: 2 minutes; balanced: 10, the default; best: an hour.", rich_help_panel=BUDGET
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Longest training of one trial; default 10.", min=1, rich_help_panel=BUDGET),
    ] = None,
    confirm: Annotated[
        int | None,
        typer.Option(metavar="N", help="Runs of the best with other seeds; default 2.", min=0, rich_help_panel=BUDGET),
    ] = None,
    soup: Annotated[
        bool, typer.Option("--soup", help="Average the weights of the best trials.", rich_help_panel=BUDGET)
    ] = False,
    backbone: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this backbone; repeatable.", rich_help_panel=TRY)
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this head; repeatable.", rich_help_panel=TRY)
    ] = None,
    augmentation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this augmentation; repeatable.", rich_help_panel=TRY)
    ] = None,
    pin: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Fix a dimension: unfrozen_layers=15.", rich_help_panel=TRY),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Weights of a backbone: a file, or random.", rich_help_panel=TRY),
    ] = None,
    metric: Annotated[
        Metric,
        typer.Option(
            metavar="NAME", help="Aim: accuracy, balanced_accuracy, macro_f1 or log_loss.", rich_help_panel=TRY
        ),
    ] = "accuracy",
    probe: Annotated[
        bool,
        typer.Option("--probe/--no-probe", help="Look at every backbone's features first.", rich_help_panel=TRY),
    ] = True,
    max_latency_ms: Annotated[
        float | None,
        typer.Option(metavar="MS", help="Longest that one picture may take, measured here.", rich_help_panel=TRY),
    ] = None,
    max_size_mb: Annotated[
        float | None, typer.Option(metavar="MB", help="Largest network, in float32.", rich_help_panel=TRY)
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Also use the parts in a file.", rich_help_panel=TRY)
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PLUGIN", help="Leave a plugin out.", rich_help_panel=TRY)
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of pictures.", min=16, rich_help_panel=DATA)
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Augmented versions kept of each picture; default 4.", min=1, rich_help_panel=DATA
        ),
    ] = None,
    valid_split: Annotated[
        float, typer.Option(metavar="FRACTION", help="For validation, where no split is given.", rich_help_panel=DATA)
    ] = 0.2,
    test_split: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Kept untouched for the final score.", rich_help_panel=DATA),
    ] = None,
    keep_duplicates: Annotated[
        bool,
        typer.Option(
            "--keep-duplicates", help="Split pictures that show the same as any others.", rich_help_panel=DATA
        ),
    ] = False,
    max_megapixels: Annotated[
        float,
        typer.Option(metavar="N", help="Leave out pictures of more million pixels.", rich_help_panel=DATA),
    ] = 179.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same result.", min=0, rich_help_panel=DATA)] = 0,
    precision: Annotated[
        Precision,
        typer.Option(metavar="NAME", help="Of backbones: auto, float32, mixed (bfloat16).", rich_help_panel=MACHINE),
    ] = "auto",
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at a time.", min=1, rich_help_panel=MACHINE)
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="MIB", help="Limit of one worker.", min=256, rich_help_panel=MACHINE)
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where features are kept.", rich_help_panel=MACHINE)
    ] = None,
    cache_quota: Annotated[
        float, typer.Option(metavar="GB", help="Disk for kept features.", rich_help_panel=MACHINE)
    ] = 20.0,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, the result alone.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: Json = False,
) -> None:
    """Search for the best fine-tuned model of your pictures.

    The same command again goes on where it stopped. Ctrl-C ends with the best so far.
    """
    from autotl.config import read_pairs

    asked = {
        "out": out,
        "time": time,
        "trials": trials,
        "backbones": tuple(backbone or ()),
        "heads": tuple(head or ()),
        "augmentations": tuple(augmentation or ()),
        "pins": read_pairs(pin or [], "--set"),
        "weights": read_pairs(weights or [], "--weights"),
        "plugins": tuple(str(file) for file in plugin or ()),
        "without": tuple(without or ()),
        "metric": metric,
        "probe": probe,
        "preset": preset,
        "epochs": epochs,
        "confirm": confirm,
        "soup": soup,
        "max_latency_ms": max_latency_ms,
        "max_size_mb": max_size_mb,
        "image_size": image_size,
        "views": views,
        "valid_split": valid_split,
        "test_split": test_split,
        "keep_duplicates": keep_duplicates,
        "max_megapixels": max_megapixels,
        "seed": seed,
        "precision": precision,
        "workers": workers,
        "memory": memory,
        "cache": None if cache is None else str(cache),
        "cache_quota": cache_quota,
    }
    with answering(as_json):
        result = _watched(data, asked, quiet=quiet, stderr=as_json)
    if as_json:
        print_json(_answer(result))
        return
    from autotl.report import terminal
    from autotl.report.summary import summary

    console = terminal()
    console.print(summary(result, console))


def _watched(data: str, asked: dict[str, Any], *, quiet: bool, stderr: bool) -> SearchResult:
    from autotl import flow
    from autotl.report import terminal, view

    with view(terminal(stderr=stderr), quiet=quiet) as watcher:
        return flow.search(data, watcher=watcher, **asked)


def _answer(result: SearchResult) -> dict[str, Any]:
    from autotl.candidate import to_plain

    folder = result.folder
    return {
        "run": folder.path,
        "model": folder.model,
        "predictions": folder.best / "predictions.csv",
        "curves": folder.best / "curves.png",
        **result.metrics,
        "best": {name: value for name, value in to_plain(result.best).items() if name != "history"},
        "probes": [to_plain(probe) for probe in result.probes],
    }
