"""Puts the page and the card together from templates, and writes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from autotl import __version__, gallery
from autotl.errors import RunError
from autotl.folder import write_whole
from autotl.printable import printable
from autotl.report import scores, words
from autotl.report.page import facts, judged, searched
from autotl.result import SearchResult

if TYPE_CHECKING:
    from jinja2 import Environment

COLUMNS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error")
_MARKS = re.compile(r"([\\`*{}\[\]#|~$]|(?<!\w)_|_(?!\w))")  # what Markdown would read as more than a letter


class Code(str):
    """Text inside a block of code, where Markdown reads no marks."""


def page(result: SearchResult) -> str:
    """Return the whole report as HTML that needs nothing else; raises RunError when the search has not ended."""
    metrics = result.metrics
    shown = gallery.read(result.folder)
    return (
        _page()
        .get_template("report.html.j2")
        .render(
            result=result,
            metrics=metrics,
            best=result.best,
            title=facts.title(result),
            verdict=scores.verdict(metrics),
            remarks=scores.remarks(metrics),
            judged=judged.judged(result),
            trust=judged.diagrams(result),
            gallery=shown,
            image=lambda place, explained=False: _image(result, place, explained=explained),
            doubts=_doubts(result),
            facts=facts,
            searched=searched,
            columns=COLUMNS,
            style=_style(),
            version=__version__,
        )
    )


def card(result: SearchResult) -> str:
    """Return the model card as Markdown; raises RunError when the search has not ended."""
    return (
        _card()
        .get_template("model_card.md.j2")
        .render(
            result=result,
            metrics=result.metrics,
            best=result.best,
            title=facts.title(result),
            verdict=scores.verdict(result.metrics),
            remarks=scores.remarks(result.metrics),
            judged=judged.judged(result),
            facts=facts,
            columns=COLUMNS,
            version=__version__,
        )
    )


def write(result: SearchResult, path: Path | None = None) -> Path:
    """Write the page to `path`, or with the card to the run folder, and return where the page lies.

    Raises RunError when the search has not ended, or nothing can be written there.
    """
    file = path or result.folder.report
    try:
        write_whole(file, _sound(page(result)))
        if path is None:
            write_whole(result.folder.card, _sound(card(result)))
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror}. Name another file with -o.") from error
    return file


@cache
def _page() -> Environment:
    return _environment(lambda value: printable(value) if _is_strange(value) else value, autoescape=True)


@cache
def _card() -> Environment:
    return _environment(lambda value: _marked_down(value) if isinstance(value, str) else value, autoescape=False)


def _environment(finalize: Callable[[Any], Any], *, autoescape: bool) -> Environment:
    """Return the templates; `finalize` sees all that they are given to write, so no name is forgotten."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("autotl.report.page"),
        autoescape=autoescape,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(score=words.score, span=words.span, size=words.size, plural=words.plural, code=Code)
    made.filters.update(metric=words.metric_name, made_of=words.made_of, percent=_percent)
    return made


def _percent(share: float) -> str:
    """Return a share in whole percent; what is not quite none or all does not look like it."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 < share < 1 else f"{share:.0%}"


def _is_strange(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Markup)


def _marked_down(text: str) -> str:
    """Return text so that Markdown shows it as it is, and no name in it becomes a mark or a tag."""
    shown = printable(text)
    if isinstance(text, Code):
        return shown
    return _MARKS.sub(r"\\\1", shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _style() -> Markup:
    return Markup((Path(__file__).parent / "templates" / "style.css").read_text("utf-8"))


def _image(result: SearchResult, place: int, *, explained: bool = False) -> Markup:
    content = gallery.jpeg(result.folder, place, explained=explained)
    if content is None:
        return Markup("")
    return Markup(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}")


def _doubts(result: SearchResult) -> Sequence[Any]:
    if not result.folder.suspects.is_file():
        return ()
    return [each for each in result.suspects if each.kind == "suspect"]


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # names need not be Unicode
