"""`autotl cache`: the features kept on disk between trials and searches."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, print_json
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.transfer.store import Entry, FeatureStore

app = typer.Typer(help="Show or clear the features kept on disk.", no_args_is_help=True)
Root = Annotated[Path | None, typer.Option("--cache", metavar="DIR", help="Where features are kept.")]


@app.command()
def show(root: Root = None, as_json: Json = False) -> None:
    """Show what is kept, the last used first."""
    store, where = _store(root)
    entries = store.entries()
    if as_json:
        print_json(
            {"root": where, "bytes": sum(entry.bytes for entry in entries), "entries": [_row(e) for e in entries]}
        )
        return
    from autotl.report import terminal, words
    from autotl.report.store import kept

    console = terminal()
    if entries:
        console.print(kept(entries, time.time()))
    total = words.size(sum(entry.bytes for entry in entries))
    console.print(f"{words.plural(len(entries), 'entry', 'entries')}, {total}, in {printable(where)}", soft_wrap=True)


@app.command()
def clear(
    root: Root = None,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Only what was not used for so long.", min=0)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete kept features; a later search computes them again."""
    from autotl.report import words

    store, where = _store(root)
    what = "all kept features" if older_than is None else f"features not used for {older_than:g} days"
    if not yes:
        typer.confirm(f"Delete {what} in {printable(where)}?", abort=True)
    count, freed = store.clear(older_than)
    typer.echo(f"{words.plural(count, 'entry', 'entries')} deleted, {words.size(freed)} freed.")


def _store(root: Path | None) -> tuple[FeatureStore, Path]:
    from autotl.transfer.store import FeatureStore, default_root

    where = root or default_root()
    return FeatureStore(where, 0), where


def _row(entry: Entry) -> dict[str, Any]:
    return {"key": entry.key, "about": entry.about, "bytes": entry.bytes, "used": entry.used}
