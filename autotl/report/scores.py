"""The winner's scores: a table, and in words what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autotl.metrics import better
from autotl.report import words

NO_TEST = (
    "No untouched test part exists. The validation score guided the search, so it is optimistic; "
    "search again with --test-split 0.2 to keep a fifth of the training pictures for an honest score."
)
_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced\naccuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration\nerror",
}
_BOUNDS = (("  95% from", 0), ("  to", 1))


def table(metrics: Mapping[str, Any]) -> RenderableType:
    """Return the scores on validation and, where there is one, on the test part, with their 95% intervals."""
    shown = _columns(metrics["metric"])
    for split, title in (("valid", "validation"), ("test", "test")):
        if metrics[split] is not None:
            _add(shown, title, metrics[split])
    return _bounded(shown, (metrics["test"] or {}).get("intervals", {}))


def alone(title: str, scores: Mapping[str, Any]) -> RenderableType:
    """Return the scores on one set of pictures, with their 95% intervals."""
    shown = _columns()
    _add(shown, title, scores)
    return _bounded(shown, scores.get("intervals", {}))


def _columns(metric: str = "") -> Table:
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    shown.add_column("")
    for name, heading in _COLUMNS.items():
        style = "bold green" if name == metric else ""
        shown.add_column(heading, justify="right", vertical="bottom", style=style)
    shown.add_column("pictures", justify="right")
    return shown


def _add(shown: Table, title: str, scores: Mapping[str, Any]) -> None:
    shown.add_row(title, *(words.score(scores.get(name)) for name in _COLUMNS), str(scores["pictures"]))


def _bounded(shown: Table, intervals: Mapping[str, Sequence[float]]) -> Table:
    for title, end in _BOUNDS if intervals else ():
        bounds = [words.score(intervals[name][end]) if name in intervals else "" for name in _COLUMNS]
        shown.add_row(*(Text(cell, style="dim not bold") for cell in (title, *bounds)))
    return shown


def verdict(metrics: Mapping[str, Any]) -> str:
    """Return the test score with its interval in words, or why there is none."""
    test, metric = metrics["test"], metrics["metric"]
    if test is None:
        return NO_TEST
    said = f"Test {words.metric_name(metric)} {words.score(test[metric])}"
    if test.get("interval"):
        low, high = test["interval"]
        said += f", 95% interval {words.score(low)} to {words.score(high)}"
    leaks = metrics.get("without_leaks", {}).get("test")
    unseen = f", {leaks['leaked']} of them known from an earlier part," if leaks else " that the search never saw,"
    return f"{said}: {words.plural(test['pictures'], 'picture')}{unseen} scored once."


def remarks(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return what else is known, by a word for it: leaks, the choice, other seeds, calibration, what it takes."""
    told = {
        "leaks": _leaks(metrics),
        "choice": _choice(metrics),
        "seeds": _seeds(metrics),
        "temperature": _temperature(metrics),
        "footprint": _footprint(metrics),
    }
    return {name: sentence for name, sentence in told.items() if sentence}


def _leaks(metrics: Mapping[str, Any]) -> str:
    """Return what scores are without pictures that show the same as one of an earlier part, or share its group."""
    told = []
    for split, title in (("test", "test"), ("valid", "validation")):
        found = metrics.get("without_leaks", {}).get(split)
        if found is None:
            continue
        pictures = words.plural(metrics[split]["pictures"], f"{title} picture")
        said = f"{found['leaked']} of {pictures} show the same as pictures of an earlier part, or share a group"
        if not found["pictures"]:
            told.append(f"{said}: none would be left without them.")
            continue
        metric = metrics["metric"]
        less, all_of_them = words.score(found[metric]), words.score(metrics[split][metric])
        told.append(f"{said}; without them {words.metric_name(metric)} is {less} instead of {all_of_them}.")
    return " ".join(told)


def _choice(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("optimism")
    if found is None or found["trials"] < 2:
        return ""
    best, corrected, low, high = (words.score(found[key]) for key in ("best", "corrected", "low", "high"))
    pictures = words.plural(found["pictures"], "picture")
    said = f"The validation score {best} is the best of {found['trials']} trials on {pictures}"
    if not better(found["best"], found["corrected"], metrics["metric"]) or best == corrected:
        return f"{said}; correcting it for that choice changes next to nothing."
    return f"{said}; corrected for that choice it is about {corrected} ({low} to {high})."


def _seeds(metrics: Mapping[str, Any]) -> str:
    runs = metrics.get("repetitions")
    if runs is None:
        return ""
    first, again, mean, spread = (
        words.score(value) for value in (runs["scores"][0], runs["again"], runs["mean"], runs["spread"])
    )
    return (
        f"{len(runs['runs'])} runs of the recipe score {mean} on validation on average, spread {spread}: "
        f"{first} at first, {again} when repeated."
    )


def _temperature(metrics: Mapping[str, Any]) -> str:
    temperature = metrics.get("temperature")
    if temperature is None:
        return ""
    if temperature == 1.0:
        return "1: the probabilities are as they came, since no other did better on pictures left out."
    where, split = ("test", metrics["test"]) if metrics["test"] else ("validation", metrics["valid"])
    before, after = (words.score(scores["calibration_error"]) for scores in (split["before"], split))
    return f"{temperature:.3g}, fitted on validation: the calibration error on {where} is {after}, without it {before}."


def _footprint(metrics: Mapping[str, Any]) -> str:
    told = words.footprint(metrics.get("size_mb"), metrics.get("latency_ms"))
    over = metrics.get("over_limit")
    return f"{told}. Measured again at the end, it is over a limit: {over}." if over else f"{told}." if told else ""
