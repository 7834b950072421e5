"""The catalogue of parts, and how parts fared in their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotl.parts import Backbone, Exporter, Part
from autotl.printable import printable
from autotl.report import words
from autotl.report.glyphs import glyphs

if TYPE_CHECKING:
    from autotl.plugins import Catalogue, Offer


class Result(Protocol):
    """The outcome of one check; those of `autotl.testing.checks` are."""

    name: str
    ok: bool
    message: str


def parts(catalogue: Catalogue) -> RenderableType:
    """Return all parts by kind, and the plugins that failed."""
    shown: list[RenderableType] = []
    for kind, offers in catalogue.offers.items():
        shown += [Text(f"{kind}s ({len(offers)})", style="bold"), _table(kind, offers.values()), Text("")]
    for failure in catalogue.failures:
        said = f"! {printable(failure.plugin)} is left out: {words.clean(failure.reason)}"
        shown.append(Text(said, style="yellow"))
    return Group(*(shown if catalogue.failures else shown[:-1]))


def shown(offer: Offer, card: Mapping[str, Any]) -> RenderableType:
    """Return what is known of a part: its facts, what can be searched, and its model card."""
    part = offer.part
    head = Text.assemble((printable(part.name), "bold"), (f"  {part.kind} of {printable(offer.plugin)}", "dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    summary = (type(part).__doc__ or "").strip().split("\n")[0]
    for name, value in (("", summary), *_known(part), *_searched(part)):
        if value:
            grid.add_row(f"  {printable(name)}", Text(words.clean(value)))
    for name, value in card.items():
        if value not in (None, "", [], {}) and name not in ("name", "parameters"):  # told above
            grid.add_row(f"  {printable(name.replace('_', ' '))}", _of_card(value))
    return Group(head, grid)


def checked(offer: Offer, results: Iterable[Result], console: Console) -> RenderableType:
    """Return what was tried on a part, and what came of it."""
    signs = glyphs(console)
    head = Text.assemble(
        (printable(offer.part.name), "bold"), (f"  {offer.part.kind} of {printable(offer.plugin)}", "dim")
    )
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for result in results:
        sign = (f"  {signs.good}", "green") if result.ok else (f"  {signs.bad}", "red")
        message = Text(words.clean(result.message), style="dim" if result.ok else "red")
        grid.add_row(Text(*sign), Text(words.clean(result.name)), message)
    return Group(head, grid)


def _known(part: Part) -> Iterable[tuple[str, str]]:
    if isinstance(part, Backbone):
        yield "pixels", f"{part.image_size}, at least {part.min_size}"
        yield "parameters", f"{part.parameters:,}" if part.parameters else ""
        yield "weights", part.weights + (", downloaded when first used" if part.needs_download else "")
        yield "top-1 on ImageNet", "" if part.top1 is None else f"{part.top1:.3f}"
        yield "source", part.source
    if isinstance(part, Exporter):
        yield "writes", part.suffix
        yield "runtime", part.runtime
        yield "precisions", ", ".join(part.precisions)


def _searched(part: Part) -> Iterable[tuple[str, str]]:
    for name, dimension in part.space.items():
        yield f"{part.kind}.{part.name}.{name}", repr(dimension)


def _of_card(value: Any) -> RenderableType:
    """Return a value of a model card: rows as a table, pairs one below the other, anything else as it is."""
    if isinstance(value, Mapping):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(overflow="fold")
        for name, each in value.items():
            grid.add_row(printable(str(name).replace("_", " ")), Text(_in_card(each)))
        return grid
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        names = list(dict.fromkeys(str(name) for row in value for name in row))
        for name in names:
            numbers = all(isinstance(row.get(name), int | float) for row in value)
            table.add_column(printable(name), justify="right" if numbers else "left", overflow="fold")
        for row in value:
            table.add_row(*(Text(_in_card(row.get(name, ""))) for name in names))
        return table
    return Text(_in_card(value))


def _in_card(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_in_card, value))
    return words.clean(f"{value:.4g}" if isinstance(value, float) else str(value))


def _table(kind: str, offers: Iterable[Offer]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  name", no_wrap=True)
    table.add_column("plugin", no_wrap=True, style="dim")
    if kind == "backbone":
        for heading in ("pixels", "parameters", "top-1"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("weights", no_wrap=True)
    else:
        table.add_column("writes" if kind == "exporter" else "searches", overflow="fold")
    for offer in offers:
        table.add_row(Text(f"  {printable(offer.part.name)}"), printable(offer.plugin), *_facts(offer.part))
    return table


def _facts(part: Part) -> list[Text]:
    if isinstance(part, Backbone):
        size = words.count(part.parameters) if part.parameters else words.NOTHING
        return [Text(str(part.image_size)), Text(size), Text(words.score(part.top1)), Text(printable(part.weights))]
    if isinstance(part, Exporter):
        return [Text(printable(part.suffix))]
    return [Text(printable(", ".join(part.space) or words.NOTHING))]
