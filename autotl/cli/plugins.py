"""`autotl plugins`: which parts there are, and whether they keep their contracts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autotl.cli.output import Json, answering, print_json

if TYPE_CHECKING:
    from autotl.plugins import Catalogue, Offer
    from autotl.testing.checks import CheckResult

app = typer.Typer(help="List the parts that plugins offer, or check them.", no_args_is_help=True)
Files = Annotated[list[Path] | None, typer.Option("--plugin", metavar="FILE", help="Also load a file.")]
_FACTS = ("image_size", "min_size", "weights", "needs_download", "top1", "parameters", "source", "suffix")


@app.command("list")
def list_(plugin: Files = None, as_json: Json = False) -> None:
    """List every backbone, head, augmentation and exporter."""
    from autotl.plugins import catalogue

    found = catalogue(plugin or ())
    if as_json:
        print_json(_catalogue(found))
        return
    from autotl.report import terminal
    from autotl.report.parts import parts

    console = terminal()
    console.print(parts(found))


@app.command()
def show(
    target: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A part, a plugin, or a file of one.")],
    as_json: Json = False,
) -> None:
    """Show all that is known of a part; of a pretrained backbone also its model card."""
    offers = _offers(target)
    if as_json:
        print_json([{**_part(offer), "kind": offer.part.kind, "card": _card(offer)} for offer in offers])
        return
    from autotl.report import terminal
    from autotl.report.parts import shown

    console = terminal()
    for offer in offers:
        console.print(shown(offer, _card(offer)))


@app.command()
def check(
    target: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A part, a plugin, or a Python file.")],
    as_json: Json = False,
) -> None:
    """Build and try parts; exit with 1 when one breaks its contract."""
    offers = _offers(target)
    with answering(as_json):
        results = _check(offers)
    ok = all(result.ok for _, each in results for result in each)
    if as_json:
        print_json({"ok": ok, "parts": [_checked(offer, each) for offer, each in results]})
    else:
        from autotl.report import terminal
        from autotl.report.parts import checked

        console = terminal()
        for offer, each in results:
            console.print(checked(offer, each, console))
    if not ok:
        raise typer.Exit(1)


def _check(offers: Sequence[Offer]) -> list[tuple[Offer, list[CheckResult]]]:
    from autotl.quiet import quiet
    from autotl.report import terminal
    from autotl.report.bar import bar
    from autotl.testing import checks

    results = []
    with quiet(), bar(terminal(), "checking") as on_progress:
        for done, offer in enumerate(offers):
            on_progress(done, len(offers))
            results.append((offer, checks.run(offer.part)))
    return results


def _offers(target: str) -> list[Offer]:
    """Return the parts of a file, of a plugin or of a name; raises UnknownPart, with a near miss."""
    from autotl.errors import PluginError, UnknownPart, near_miss
    from autotl.plugins import catalogue, file_plugin

    path = Path(target)
    if path.suffix in (".py", ".keras") or path.is_file():
        offers = [offer for offer in _all(catalogue([path])) if offer.plugin == file_plugin(path)]
        if not offers:
            raise PluginError(f"{path} offers no part. Write a hook such as `heads()`, marked @autotl.hookimpl.")
        return offers
    known = list(_all(catalogue()))
    offers = [offer for offer in known if target in (offer.part.name, offer.plugin)]
    if not offers:
        names = {word for offer in known for word in (offer.part.name, offer.plugin)}
        raise UnknownPart(f"No part or plugin named {target!r}.{near_miss(target, names)} See `autotl plugins list`.")
    return offers


def _all(found: Catalogue) -> Iterable[Offer]:
    return [offer for parts in found.offers.values() for offer in parts.values()]


def _catalogue(found: Catalogue) -> dict[str, Any]:
    listed: dict[str, Any] = {
        f"{kind}s": [_part(offer) for offer in parts.values()] for kind, parts in found.offers.items()
    }
    return {**listed, "failures": [{"plugin": each.plugin, "reason": each.reason} for each in found.failures]}


def _part(offer: Offer) -> dict[str, Any]:
    facts = {name: getattr(offer.part, name) for name in _FACTS if hasattr(offer.part, name)}
    space = {name: repr(dimension) for name, dimension in offer.part.space.items()}
    return {"name": offer.part.name, "plugin": offer.plugin, **facts, "space": space}


def _card(offer: Offer) -> dict[str, Any]:
    card = getattr(offer.part, "card", None)
    return dict(card) if isinstance(card, dict) else {}


def _checked(offer: Offer, results: Iterable[CheckResult]) -> dict[str, Any]:
    told = [{"name": each.name, "ok": each.ok, "message": each.message} for each in results]
    return {"kind": offer.part.kind, "name": offer.part.name, "plugin": offer.plugin, "checks": told}
