"""The one place where errors become words and exit codes: 1 for a user's error, 2 for wrong usage, 130 for Ctrl-C."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from autotl.errors import AutotlError


class Door(TyperGroup):
    """The group of all commands; an error that is not the user's keeps its traceback, for it is a bug of ours."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except AutotlError as error:
            from autotl.report.words import clean

            typer.echo(f"error: {clean(error)}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
            raise typer.Exit(130) from None
