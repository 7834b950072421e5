"""`autotl serve` and `dashboard`: a model, or a study, for a browser and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autotl.cli.predict import Source
from autotl.cli.runs import Run
from autotl.printable import printable

if TYPE_CHECKING:
    from autotl.predict import LoadedModel

Port = Annotated[int, typer.Option(metavar="PORT", help="0 takes one that is free.", min=0, max=65535)]
Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen on; 0.0.0.0 is for everybody.")]


def serve(
    source: Source,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    batch: Annotated[int, typer.Option(metavar="N", help="Pictures computed together.", min=1, max=256)] = 16,
    wait: Annotated[float, typer.Option(metavar="MS", help="How long a picture waits for others.", min=0)] = 4,
    queue: Annotated[int, typer.Option(metavar="N", help="Requests answered at a time.", min=1)] = 64,
    max_upload: Annotated[float, typer.Option(metavar="MB", help="Largest request.", min=0.001)] = 16,
    max_megapixels: Annotated[float, typer.Option(metavar="M", help="Larger pictures are refused.", min=0.001)] = 50,
) -> None:
    """Serve the best model over HTTP, with a page to drop pictures on."""
    from autotl.serve import require

    require()
    from autotl.serve.limits import MB, Limits
    from autotl.serve.server import run

    def tell(url: str, model: LoadedModel) -> None:
        height, width = model.image_size
        typer.echo(f"serving {printable(source)}: {len(model.classes)} classes, {height} x {width} px")
        typer.echo(f"{url}  (Ctrl-C stops)")

    limits = Limits(upload=round(max_upload * MB), megapixels=max_megapixels, queue=queue)
    run(source, host=host, port=port, limits=limits, batch=batch, wait=wait / 1000, tell=tell)
    typer.echo("stopped")


def dashboard(run: Run, host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Look at the study in Optuna's dashboard, also while the search is running."""
    from autotl.dashboard import require, show

    require()
    show(run, host=host, port=port, tell=lambda url: typer.echo(f"{url}  (Ctrl-C stops)"))
    typer.echo("stopped")
