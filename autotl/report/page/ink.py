"""From a figure of matplotlib to SVG inside a page: in the page's colours, light or dark, and with its font."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, LINE, ACCENT, SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {INK: "ink", FAINT: "faint", LINE: "line", ACCENT: "accent", SECOND: "second"}
_WIDTH, _HEIGHT = 3.7, 2.5  # inches: on a phone about as large as drawn, so that words stay legible
_MARGINS = {"left": 0.11, "right": 0.985, "top": 0.91, "bottom": 0.17}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "text.parse_math": False,  # a dollar in a name is a dollar
}
_FONT = re.compile(r"'?DejaVu Sans'?(, ?sans-serif)?")
_NAMED = re.compile(r' id="([^"]*)"')


def drawing(name: str, title: str, draw: Callable[[Axes], None]) -> Markup:
    """Return what `draw` draws as an `<svg>`; `name` is a word that no other drawing of the page has."""
    with _figure(name) as (figure, axes):
        draw(axes)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Markup(_inlined(text.getvalue(), name, title))


@contextmanager
def _figure(name: str) -> Iterator[tuple[Figure, Axes]]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scripts that its own font lacks; the browser's has them
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        figure.subplots_adjust(**_MARGINS)  # a layout engine would draw everything twice
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        _plain(axes)
        yield figure, axes


def _plain(axes: Axes) -> None:
    axes.tick_params(colors=FAINT, length=0, labelsize=8)
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)


def _inlined(svg: str, name: str, title: str) -> str:
    """Return the drawing without prolog, metadata and size, its colours and its font those of the page."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
    svg = _NAMED.sub(lambda found: found[0] if found[1] in used else "", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = _FONT.sub("inherit", svg)
    svg = re.sub(r"font: ([\d.]+px) inherit", r"font-size: \1", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="plot" role="img" aria-labelledby="{name}" {box[0] if box else ""}>'
    return re.sub(r"<svg\b[^>]*>", lambda _: f'{head}\n<title id="{name}">{escape(title)}</title>', svg, count=1)
