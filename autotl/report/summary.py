"""The final report of a search, from its run folder alone: scores, evidence, where everything lies, what next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from autotl.errors import RunError
from autotl.printable import printable
from autotl.report import probes, scores, tables, words
from autotl.report.glyphs import Glyphs, glyphs
from autotl.result import SearchResult

SHOWN = 8  # trials in the final table
FINDINGS = 6  # findings about the data that are repeated at the end


def summary(result: SearchResult, console: Console) -> RenderableType:
    """Return the report of a finished search; raises RunError when it has not finished."""
    signs = glyphs(console)
    metrics = result.metrics
    return Group(
        Rule(Text.assemble(("autotl ", "bold"), printable(result.run)), style="cyan", align="left"),
        *_findings(result, signs),
        *_probes(result),
        *_block(f"Best trials by validation {words.metric_name(metrics['metric'])}", trials(result, console, SHOWN)),
        *_block("Best model", _best(result, signs)),
        *_block("Scores", scores.table(metrics), *_verdict(metrics)),
        *_block("Files", _files(result)),
        *_block("Next", _next(result)),
    )


def trials(result: SearchResult, console: Console, limit: int | None = None) -> RenderableType:
    """Return the leaderboard of a run, with a line on how many trials there were."""
    records = result.leaderboard
    table = tables.leaderboard(records, width=console.width - 2, limit=limit, glyphs=glyphs(console))
    return Group(table, Text(_tally(result, limit), style="dim"))


def _findings(result: SearchResult, signs: Glyphs) -> list[RenderableType]:
    findings = words.findings(result.dataset)
    if not findings:
        return []
    lines = [Text(f"! {finding}", style="yellow") for finding in findings[:FINDINGS]]
    if len(findings) > FINDINGS:
        lines.append(Text(f"{signs.dot} and {len(findings) - FINDINGS} more, in dataset.json", style="dim"))
    return _block("Data", *lines)


def _probes(result: SearchResult) -> list[RenderableType]:
    if not result.probes:
        return []
    title = "Probes: a linear layer on frozen features, cross-validated on the training pictures"
    return _block(title, probes.table(result.probes, result.config.metric))


def _best(result: SearchResult, signs: Glyphs) -> RenderableType:
    best = result.best
    grid = _grid()
    epoch = f"epoch {best.best_epoch} of {len(best.history)}"
    grid.add_row("trial", Text(f"{best.number}, {'one linear layer on frozen features' if best.probe else epoch}"))
    grid.add_row("recipe", Text(words.made_of(best, signs.dot)))
    values = [] if best.probe else best.candidate.values.items()
    told = ", ".join(f"{name} {words.value(value)}" for name, value in values if name != "learning_rate")
    if told:
        grid.add_row("values", Text(told))
    soup = result.metrics.get("soup")
    if soup:
        grid.add_row("soup", Text(_soup(soup)))
    return grid


def _soup(members: Sequence[int]) -> str:
    if len(members) == 1:
        return f"trial {members[0]} alone: no mean of weights was better on validation"
    others = ", ".join(str(number) for number in members[:-1])
    return f"the mean of the weights of trials {others} and {members[-1]}"


def _verdict(metrics: Mapping[str, Any]) -> list[RenderableType]:
    honest = metrics["test"] is not None
    grid = _grid()
    for name, remark in scores.remarks(metrics).items():
        grid.add_row(name, Text(remark))
    return [Text(scores.verdict(metrics), style="green" if honest else "yellow"), grid]


def _files(result: SearchResult) -> RenderableType:
    folder = result.folder
    grid = _grid()
    rows = (
        ("run", folder.path),
        ("model", folder.model),
        ("predictions", folder.predictions),
        ("curves", folder.best / "curves.png"),
        ("card", folder.card),
        ("report", folder.report),
    )
    for name, path in rows:
        if path.exists():
            grid.add_row(name, Text(printable(path), style="cyan", overflow="fold"))
    return grid


def _next(result: SearchResult) -> RenderableType:
    run = printable(shlex.quote(str(result.run)))
    commands = {
        f"autotl predict {run} PICTURE": "label new pictures",
        f"autotl evaluate {run} DATA": "score it on other labelled pictures",
        f"autotl export {run} -o model.keras": "take the model elsewhere",
        f"autotl leaderboard {run}": "see every trial",
    }
    if result.folder.suspects.is_file() and any(each.kind == "suspect" for each in result.suspects):
        commands[f"autotl suspects {run}"] = "see pictures that may be labelled wrongly"
    room = max(len(command) for command in commands)
    return Group(*(Text.assemble((f"{each:{room}}", "cyan"), f"  {why}") for each, why in commands.items()))


def _tally(result: SearchResult, limit: int | None) -> str:
    records = result.records
    states = [words.state(record) for record in records]
    known = ("complete", "pruned", "failed", "over limit")
    told = [f"{states.count(state)} {state}" for state in known if state in states]
    try:
        told.append(f"{words.span(result.metrics['seconds'])} in all")
    except RunError:
        told.append("the search has not finished")
    probed = sum(record.probe for record in records)
    shown = f", {probed} of them {'a probe' if probed == 1 else 'probes'}" if probed else ""
    shown += f", the best {limit} shown" if limit is not None and limit < len(records) else ""
    return f"{words.plural(len(records), 'trial')}{shown}: {', '.join(told)}"


def _block(title: str, *inside: RenderableType) -> list[RenderableType]:
    return [Text(""), Text(title, style="bold"), *(Padding(each, (0, 0, 0, 2), expand=False) for each in inside)]


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    return grid
