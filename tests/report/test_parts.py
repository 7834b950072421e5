from __future__ import annotations

from dataclasses import dataclass

import pluggy

import autotl
from autotl import hookspecs
from autotl.plugins import Failure, Offer, collect
from autotl.report import parts as report
from autotl.report.parts import checked, parts


class Net(autotl.Backbone):
    name, image_size, parameters, top1 = "net[b]", 96, 1_500_000, 0.713

    def build(self, image_size):
        raise AssertionError("listing must not build")


class Plain(autotl.Head):
    name, space = "plain", {"units": autotl.Int(8, 64)}

    def build(self, classes, *, units):
        raise AssertionError("listing must not build")


class Plugin:
    @autotl.hookimpl
    def backbones(self):
        return [Net()]

    @autotl.hookimpl
    def heads(self):
        return [Plain()]


@dataclass
class Outcome:
    name: str
    ok: bool
    message: str = ""


def shown(console, renderable, text_of) -> list[list[str]]:
    console.print(renderable)
    return [line.split() for line in text_of(console).splitlines()]


def test_parts_are_listed_by_kind_and_failures_are_named(screen, text_of) -> None:
    manager = pluggy.PluginManager("autotl")
    manager.add_hookspecs(hookspecs)
    manager.register(Plugin(), "mine")
    found = collect(manager, [Failure("broken", "ImportError: no such module")])
    lines = shown(screen(100, terminal=False), parts(found), text_of)
    assert ["backbones", "(1)"] in lines
    assert ["net[b]", "mine", "96", "1.5M", "0.713", "imagenet"] in lines
    assert ["plain", "mine", "units"] in lines
    assert lines[-1] == ["!", "broken", "is", "left", "out:", "ImportError:", "no", "such", "module"]


def test_each_check_is_told_with_its_outcome(screen, text_of) -> None:
    console = screen(100, terminal=False)
    results = [Outcome("has a name", True), Outcome("builds", False, "TypeError: [units] is missing")]
    lines = shown(console, checked(Offer(Plain(), "mine"), results, console), text_of)
    assert lines[0] == ["plain", "head", "of", "mine"]
    assert lines[1] == ["✓", "has", "a", "name"]
    assert lines[2] == ["✗", "builds", "TypeError:", "[units]", "is", "missing"]


def test_a_model_card_is_told_with_its_tables_and_without_its_tricks(screen, text_of) -> None:
    card = {
        "name": "net",
        "student": "resi\x1b[31mdual",
        "teacher": {},
        "recipe": {"learning_rate": 0.002, "heard_above": [0, 38]},
        "probes": [{"data": "[bold]ants", "features": 0.74312}, {"data": "bees", "features": 1}],
    }
    lines = shown(screen(100, terminal=False), report.shown(Offer(Net(), "mine"), card), text_of)
    assert ["parameters", "1,500,000"] in lines
    assert ["recipe", "learning", "rate", "0.002"] in lines
    assert ["heard", "above", "0,", "38"] in lines
    assert ["probes", "data", "features"] in lines
    assert ["[bold]ants", "0.7431"] in lines
    assert ["bees", "1"] in lines
    assert not any("teacher" in line or "\x1b" in "".join(line) for line in lines)
