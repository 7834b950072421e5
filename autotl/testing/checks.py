"""Runs the suite of a part's kind without pytest."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from autotl.parts import Part
from autotl.testing.suites import AugmentationSuite, BackboneSuite, ExporterSuite, HeadSuite, PartSuite

SUITES: dict[str, type[PartSuite]] = {
    "augmentation": AugmentationSuite,
    "backbone": BackboneSuite,
    "exporter": ExporterSuite,
    "head": HeadSuite,
}


@dataclass
class CheckResult:
    """The outcome of one check: `message` is what it demands, or what went wrong."""

    name: str
    ok: bool
    message: str


def run(part: Part) -> list[CheckResult]:
    """Run every check of the suite of this kind of part, in the order they are written."""
    suite = SUITES[part.kind]
    return [_run_one(suite(), name, part) for name in check_names(suite)]


def check_names(suite: type[PartSuite]) -> list[str]:
    """Return the names of a suite's checks: those of all parts first, then its own."""
    ordered: dict[str, None] = {}
    for ancestor in reversed(suite.__mro__):
        ordered.update(dict.fromkeys(name for name in vars(ancestor) if name.startswith("test_")))
    return list(ordered)


def _run_one(suite: PartSuite, name: str, part: Part) -> CheckResult:
    check = getattr(suite, name)
    title = name.removeprefix("test_").replace("_", " ")
    try:
        check(part)
    except Exception as error:  # a stranger's code: whatever it raises is the finding
        text = " ".join(str(error).split())
        kind = "" if isinstance(error, AssertionError) and text else f"{type(error).__name__}: "
        return CheckResult(title, False, f"{kind}{text}")
    return CheckResult(title, True, " ".join((inspect.getdoc(check) or "").split()))
