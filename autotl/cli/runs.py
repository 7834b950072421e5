"""`autotl leaderboard` and `autotl suspects`: what a run folder tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from autotl.cli.output import Json, print_json

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
