"""The command line: flags in, text or JSON out, exit codes; one file per family of commands.

Nothing heavy is imported here: each command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autotl.cli import cache, check, embed, models, plugins, predict, pretrain, runs, sample, search, serve, weights
from autotl.cli.door import Door

app = typer.Typer(
    cls=Door,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel="Search")(search.search)
app.command(rich_help_panel="Search")(check.check)
app.command(rich_help_panel="Search")(runs.leaderboard)
app.command(rich_help_panel="Search")(runs.report)
app.command(rich_help_panel="Search")(runs.suspects)
app.command(rich_help_panel="Search")(serve.dashboard)
app.command(rich_help_panel="Search")(pretrain.pretrain)
app.command(rich_help_panel="Search")(embed.embed)
app.command(rich_help_panel="Use the best model")(predict.predict)
app.command(rich_help_panel="Use the best model")(predict.evaluate)
app.command(rich_help_panel="Use the best model")(models.export)
app.command(rich_help_panel="Use the best model")(serve.serve)
families = {"plugins": plugins.app, "weights": weights.app, "cache": cache.app, "sample": sample.app}
for name, family in families.items():
    app.add_typer(family, name=name, rich_help_panel="Around it")


def _print_version(asked: bool) -> None:
    if asked:
        from autotl import __version__

        typer.echo(f"autotl {__version__}")
        raise typer.Exit()


@app.callback()
def _autotl(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Point it at labelled pictures, get the best fine-tuned model your plugins and your time can give.

    Begin with [bold]autotl sample digits data/digits[/bold] and [bold]autotl search data/digits --time 2m[/bold].
    """


def main() -> None:
    """Run the command line; the console script `autotl`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="autotl")
