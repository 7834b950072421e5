"""`autotl leaderboard`, `report` and `suspects`: what a run folder tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from autotl.cli.output import Json, print_json
from autotl.printable import printable

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of a search.")]


def leaderboard(
    run: Run,
    top: Annotated[int | None, typer.Option(metavar="N", help="Only the best N trials.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Show every trial of a run, best first."""
    from autotl.errors import RunError
    from autotl.report import scores, summary, terminal
    from autotl.result import open_run

    result = open_run(run)
    if not result.records:
        raise RunError(f"No trial of {run} has ended yet. Run the same search again to go on.")
    if as_json:
        rows = [_row(rank, record) for rank, record in enumerate(result.leaderboard[:top], start=1)]
        print_json({"run": run, "metric": result.config.metric, "trials": rows})
        return
    console = terminal()
    console.print(summary.trials(result, console, top))
    if result.folder.metrics.is_file():
        console.print(scores.verdict(result.metrics))


def report(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the page there, and no card.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write all that a run tells on one page that needs no network, and a model card."""
    from autotl.report.page import write
    from autotl.result import open_run

    result = open_run(run)
    file = write(result, out)
    typer.echo(f"report: {printable(file)}")
    if out is None:
        typer.echo(f"card: {printable(result.folder.card)}")
    if show:
        typer.launch(file.resolve().as_uri())


def suspects(
    run: Run,
    top: Annotated[int | None, typer.Option(metavar="N", help="Only the first N.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Show pictures that may be labelled wrongly, then the hardest ones; you decide, nothing is changed."""
    import dataclasses

    from autotl.report import doubts, terminal
    from autotl.result import open_run
    from autotl.suspects import read

    found = read(open_run(run).folder)
    found = dataclasses.replace(found, found=found.found[:top])
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    terminal().print(doubts.table(found))


def _row(rank: int, record: Any) -> dict[str, Any]:
    from autotl.candidate import to_plain

    plain = to_plain(record)
    epochs = len(plain.pop("history"))
    return {"rank": rank, "trial": plain.pop("number"), **plain, "epochs": epochs}
