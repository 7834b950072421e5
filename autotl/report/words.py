"""How numbers, names and spans of time are written for people."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING

from autotl.candidate import Candidate, TrialRecord
from autotl.printable import printable
from autotl.space import Value

if TYPE_CHECKING:
    from autotl.data import Dataset

NOTHING = "-"
_BREAK = re.compile(r"[\t-\r\x85\u2028\u2029]")  # of lines, and tabs
_METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}


def clean(text: object) -> str:
    """Return a stranger's sentence (a reason, a finding) on one line, with control characters made visible."""
    return printable(_BREAK.sub(" ", str(text)))


def pictures(data: Dataset) -> str:
    """Return a dataset in one line: pictures, classes, splits."""
    counts = ", ".join(f"{split} {sum(of.values())}" for split, of in data.counts().items())
    names = clean(", ".join(data.classes[:8]) + (", …" if len(data.classes) > 8 else ""))
    return f"{plural(len(data.pictures), 'picture')} of {len(data.classes)} classes ({names}): {counts}"


def findings(data: Dataset) -> list[str]:
    """Return a line for each finding on the data that may spoil a search, and one for all that is only odd."""
    grave = [clean(finding.message) for finding in data.findings if finding.gravity != "note"]
    notes = len(data.findings) - len(grave)
    return [*grave, f"{plural(notes, 'note')} on odd files, told by autotl check"] if notes else grave


def metric_name(metric: str) -> str:
    """Return a metric as a reader says it."""
    return _METRICS.get(metric, printable(metric))


def score(value: float | None) -> str:
    """Return a score with three decimals."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.3f}"


def span(seconds: float) -> str:
    """Return a span of time: 0.4s, 12s, 2m 05s, 1h 04m, 2d 03h."""
    if seconds < 0 or not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return _pair(whole, 60, "m", "s")
    if whole < 86400:
        return _pair(whole // 60, 60, "h", "m")
    return _pair(whole // 3600, 24, "d", "h")


def milliseconds(number: float | None) -> str:
    """Return milliseconds with a decimal where it tells something: 8.2, 120."""
    if number is None or not math.isfinite(number):
        return NOTHING
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"


def count(number: float) -> str:
    """Return a large count in a few letters: 950, 12k, 3.4M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f}{letter}" if value < 9.95 else f"{value:.0f}{letter}"
    return f"{number:.0f}"


def size(number: float) -> str:
    """Return bytes as people read them: 512 B, 1.5 MB, 20 GB."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}" if number < limit * 1000 else f"{number / limit:.0f} {unit}"
    return f"{number:.0f} B"


def plural(number: int, noun: str, many: str = "") -> str:
    """Return "1 picture", "2 pictures"."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def trials(trained: int, probes: int, dot: str = "·") -> str:
    """Return "3 trials", "3 trials · 4 probes"."""
    return plural(trained, "trial") + (f" {dot} {plural(probes, 'probe')}" if probes else "")


def value(thing: Value) -> str:
    """Return a dimension's value: small numbers as 3.2e-4, words as they are."""
    if isinstance(thing, bool) or not isinstance(thing, float):
        return printable(thing)
    if thing != 0 and (abs(thing) < 0.01 or abs(thing) >= 1e5):
        digits, _, power = f"{thing:.1e}".partition("e")
        return f"{digits}e{int(power)}"
    return f"{thing:.3g}"


def learning_rate(candidate: Candidate) -> str:
    """Return the learning rate of a candidate, or a dash where it has none."""
    rate = candidate.values.get("learning_rate")
    return NOTHING if rate is None else value(rate)


def recipe(candidate: Candidate, dot: str = "·") -> str:
    """Return a candidate in one line, its parts set apart by `dot`: what it is built of and how it learns."""
    unfrozen = f"{candidate.unfrozen_layers} unfrozen" if candidate.unfrozen_layers else "frozen"
    parts = [candidate.backbone, f"{candidate.image_size} px", unfrozen, candidate.head, candidate.augmentation]
    if "learning_rate" in candidate.values:
        parts.append(f"rate {learning_rate(candidate)}")
    return f" {dot} ".join(printable(part) for part in parts)


def made_of(record: TrialRecord, dot: str = "·") -> str:
    """Return what a trial was made of in one line; a probe never used the rate of its candidate."""
    if not record.probe:
        return recipe(record.candidate, dot)
    return f"{recipe(dataclasses.replace(record.candidate, values={}), dot)} {dot} probe"


def state(record: TrialRecord) -> str:
    """Return how a trial ended."""
    return "over limit" if record.over else record.state


def footprint(size_mb: float | None, latency_ms: float | None) -> str:
    """Return what a whole network takes: "9.07 MB of float32 parameters; …", "" where not known."""
    told = [] if size_mb is None else [f"{size_mb:.3g} MB of float32 parameters"]
    told += [] if latency_ms is None else [f"one picture takes {latency_ms:.3g} ms on the machine of the search"]
    return "; ".join(told)


def _pair(number: int, base: int, big: str, small: str) -> str:
    whole, rest = divmod(number, base)
    return f"{whole}{big} {rest:02d}{small}" if rest else f"{whole}{big}"
