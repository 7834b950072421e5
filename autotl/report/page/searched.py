"""How the search went: its trials, their scores over time, their curves, and what mattered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autotl import runlog
from autotl.candidate import TrialRecord
from autotl.config import fitting
from autotl.errors import RunError
from autotl.events import Probed
from autotl.limits import broken
from autotl.metrics import better
from autotl.prober import best_first
from autotl.report import words
from autotl.report.page import plots
from autotl.result import SearchResult
from autotl.space import Value

if TYPE_CHECKING:
    from markupsafe import Markup

SHOWN = 15  # trials of the leaderboard
_CURVES = 3  # trials whose curves are drawn
_SLICES = 6
_TOLD = 0.005  # of importances; less is nothing
_TELLING = 4  # trials, fewer of which show nothing of a dimension
_USUAL = ("learning_rate", "unfrozen_layers", "backbone", "head", "augmentation", "batch_size")


@dataclass(frozen=True, slots=True)
class Backbone:
    """What is known of a backbone: its probe, its size, and the best of all its trials."""

    name: str
    cells: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Curves:
    """The two plots of one trial."""

    record: TrialRecord
    recipe: str
    plots: tuple[Markup, ...]


def leaderboard(result: SearchResult) -> list[tuple[TrialRecord, tuple[str, ...]]]:
    """Return the best trials with the cells of their rows."""
    return [(record, tuple(_cells(rank, record))) for rank, record in enumerate(result.leaderboard[:SHOWN], start=1)]


def failures(result: SearchResult) -> list[tuple[int, str]]:
    """Return the trials that failed, and why."""
    return [(each.number, words.clean(each.reason)) for each in result.records if each.state == "failed"]


def over(result: SearchResult) -> list[tuple[int, str]]:
    """Return the trials that were not trained, and which limit they break."""
    return [(each.number, words.clean(each.reason)) for each in result.records if each.over]


def history(result: SearchResult) -> Markup | None:
    """Return the scores over time, or in order where times are not known; None where there are fewer than two."""
    ended = dict(_ended(result))
    timed = all(record.number in ended for record in result.records)
    order = sorted(result.records, key=lambda record: ended.get(record.number, record.number))
    points = [(ended[each.number] if timed else float(place), each) for place, each in enumerate(order, start=1)]
    if sum(each.score is not None for each in order) < 2:
        return None
    longest = max(at for at, _ in points)
    unit, name = (60.0, "minutes of the search") if timed and longest > 180 else (1.0, "seconds of the search")
    return plots.history(
        [(at / unit, each) for at, each in points], result.config.metric, name if timed else "trials, as they ended"
    )


def curves(result: SearchResult) -> list[Curves]:
    """Return loss and accuracy of the winner, then of the best other trials that learnt by epochs."""
    best = result.best
    others = [each for each in result.leaderboard if each.number != best.number and each.state == "complete"]
    by_epochs = [each for each in (best, *others) if each.history][:_CURVES]
    pairs = [(each, [plots.curves(each, name) for name in ("loss", "accuracy")]) for each in by_epochs]
    found = [Curves(each, words.made_of(each), tuple(plot for plot in pair if plot)) for each, pair in pairs]
    return [each for each in found if each.plots]


def importances(result: SearchResult) -> list[tuple[str, float]]:
    """Return what share of the scores' spread each dimension explains, the largest first; none where not known."""
    file = result.folder.importances
    if not file.is_file():
        return []
    try:
        found = fitting(dict[str, float], file.read_bytes())
    except ValueError as error:
        raise RunError(f"{file} is not as a search writes it: {error}. Delete it to do without.") from None
    return sorted(((name, share) for name, share in found.items() if _TOLD <= share <= 1), key=lambda each: -each[1])


def slices(result: SearchResult) -> list[Markup]:
    """Return the scores by dimension, the most important ones first; probes drew none of them."""
    complete = [each for each in result.records if each.state == "complete" and not each.probe]
    trained = [each for each in complete if _is_number(each.score)]
    names = list(dict.fromkeys([*(name for name, _ in importances(result)), *_USUAL]))
    most = min(2 * (len(trained) // 6 + 1), _SLICES)
    found: list[Markup] = []
    for name in names:
        points = [(value, float(each.score or 0.0)) for each in trained for value in _drawn(each, name)]
        if len(points) >= _TELLING and len({value for value, _ in points}) > 1 and len(found) < most:
            found.append(plots.slices(points, f"slice-{len(found)}", name, result.config.metric))
    return found


def backbones(result: SearchResult) -> list[Backbone]:
    """Return the backbones, the best probed first."""
    metric, sizes = result.config.metric, _parameters(result)
    probed = {each.backbone: each for each in result.probes}
    names = list(dict.fromkeys([*probed, *sizes, *(each.candidate.backbone for each in result.records)]))
    left_out = {name: broken(each, result.config) for name, each in result.folder.measured().items()}
    best, found = _best(result), []
    for name in best_first(probed.values(), names, metric):
        probe = probed.get(name)
        known = (probe.score, probe.knn, probe.ms) if probe else (None, None, None)
        cells = (
            words.score(known[0]),
            words.score(known[1]),
            words.score(best.get(name)),
            words.milliseconds(known[2]),
            words.count(sizes[name]) if name in sizes else words.NOTHING,
        )
        found.append(Backbone(name, cells, _problem(probe, left_out.get(name, ""))))
    return found


def _problem(probe: Probed | None, limit: str) -> str:
    if limit:
        return f"Left out, with a linear head: {limit}."
    return words.clean(probe.problem) if probe else ""


def trades(result: SearchResult) -> list[Markup]:
    """Return the scores of trials against the latency and the size of their whole networks, where two are known.

    Where a search had no limit of latency, what is known is how long a probe took for a picture in a batch.
    """
    config, scored = result.config, [each for each in result.records if each.state == "complete"]
    single = [(each, each.latency_ms) for each in scored]
    pace = {each.backbone: each.ms for each in result.probes}
    batched = [(each, pace.get(each.candidate.backbone)) for each in scored]
    is_timed = any(_is_number(cost) for _, cost in single)
    sizes = [(each, each.size_mb) for each in scored]
    axes = (
        ("trade-ms", "milliseconds for one picture", single, config.max_latency_ms)
        if is_timed
        else ("trade-ms", "milliseconds a picture in a batch, backbone alone", batched, None),
        ("trade-size", "MB of float32 parameters", sizes, config.max_size_mb),
    )
    drawn = []
    for name, axis, costs, most in axes:
        known = [(each, cost) for each, cost in costs if _is_number(cost) and _is_number(each.score)]
        points = [plots.Point(each.candidate.backbone, cost or 0.0, each.score or 0.0) for each, cost in known]
        if len({point.cost for point in points}) > 1:
            drawn.append(plots.trade(points, name, axis, config.metric, most))
    return drawn


def _cells(rank: int, record: TrialRecord) -> Iterator[str]:
    candidate = record.candidate
    yield str(rank) if record.state == "complete" else ""
    yield str(record.number)
    yield words.score(record.score)
    yield words.score(record.metrics.get("log_loss"))
    yield candidate.backbone
    yield str(candidate.unfrozen_layers)
    yield candidate.head
    yield candidate.augmentation
    yield words.NOTHING if record.probe else words.learning_rate(candidate)
    yield words.NOTHING if record.probe else str(len(record.history))
    yield words.span(record.seconds)
    yield words.NOTHING if record.size_mb is None else f"{record.size_mb:.3g}"
    yield words.NOTHING if record.latency_ms is None else f"{record.latency_ms:.3g}"
    yield "probe" if record.probe else {"pruned": "stopped early"}.get(words.state(record), words.state(record))


def _ended(result: SearchResult) -> Iterator[tuple[int, float]]:
    """Yield the numbers of trials with the seconds of the search after which they ended."""
    for line in runlog.lines(result.folder.log):
        record = line.get("record")
        number = record.get("number") if isinstance(record, dict) else None
        if line.get("event") == "TrialEnded" and isinstance(number, int) and _is_number(line.get("elapsed")):
            yield number, float(line["elapsed"])


def _parameters(result: SearchResult) -> dict[str, int]:
    lines = [line for line in runlog.lines(result.folder.log) if line.get("event") == "BackboneResolved"]
    named = [(line.get("backbone"), line.get("parameters")) for line in lines]
    return {str(name): count for name, count in named if isinstance(count, int) and count > 0}


def _best(result: SearchResult) -> dict[str, float]:
    """Return the best score of all complete trials of each backbone."""
    best: dict[str, float] = {}
    for each in result.records:
        name = each.candidate.backbone
        if each.state == "complete" and _is_number(each.score):
            score = float(each.score or 0.0)
            if name not in best or better(score, best[name], result.config.metric):
                best[name] = score
    return best


def _drawn(record: TrialRecord, name: str) -> list[Value]:
    candidate = record.candidate
    if name in ("backbone", "head", "augmentation", "unfrozen_layers"):
        return [getattr(candidate, name)]
    return [candidate.values[name]] if name in candidate.values else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
