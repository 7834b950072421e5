"""The results of the race: kept in a file, looked up by budget, and printed as a table of medians over seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Key:
    """What one run was: `setting` says in words what was the same for all competitors, `budget` is in seconds."""

    data: str
    setting: str
    seed: int
    competitor: str
    budget: float

    def of(self, seed: int, competitor: str, budget: float) -> Key:
        """Return the same race for another seed, competitor and budget."""
        return replace(self, seed=seed, competitor=competitor, budget=budget)


@dataclass(frozen=True)
class State:
    """What a competitor had reached at some time: accuracies, and the seconds it took."""

    valid: float
    test: float
    seconds: float


class Results:
    """What has been run, in a JSON file; runs that reached nothing are kept for the table, but run again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.entries: list[dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.is_file() else []

    def put(self, key: Key, result: dict[str, Any]) -> None:
        """Keep a result in the place of an earlier one, and write the file whole."""
        self.entries = [entry for entry in self.entries if not _same(entry, key)]
        self.entries.append({**asdict(key), **result})
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.entries, indent=1), "utf-8")
        part.replace(self.file)

    def finished(self, key: Key) -> bool:
        """Return whether a run need not be repeated; a peer's longer run tells of all shorter budgets."""
        return any("test" in entry or entry.get("lines") for entry in self._runs(key))

    def state(self, key: Key) -> State | None:
        """Return what a competitor had reached within a budget, None when that is nothing."""
        for entry in self._runs(key):
            if "test" in entry:
                return State(entry["valid"], entry["test"], entry["seconds"])
            reached = [line for line in entry.get("lines", ()) if line["t"] <= key.budget]
            if reached:
                return State(reached[-1]["valid"], reached[-1]["test"], reached[-1]["t"])
        return None

    def seconds_to(self, goal: float, key: Key) -> float:
        """Return the seconds after which a competitor first was as good as `goal`, infinity for never.

        A peer tells whenever it improves; of autotl it is the time of its shortest search that was good enough.
        """
        times = [math.inf]
        for entry in self.entries:
            if not _same(entry, replace(key, budget=entry["budget"])) or entry["budget"] > key.budget:
                continue
            if entry.get("test", -1.0) >= goal:
                times.append(entry["seconds"])
            times += [line["t"] for line in entry.get("lines", ()) if line["test"] >= goal]
        return min(times)

    def note(self, key: Key) -> str:
        """Return why a run reached nothing, or ended early."""
        return next((entry["note"] for entry in self._runs(key)), "")

    def _runs(self, key: Key) -> Iterator[dict[str, Any]]:
        """Yield the entries that tell of a budget, the closest first."""
        for entry in sorted(self.entries, key=lambda entry: entry["budget"]):
            longer = "lines" in entry and entry["budget"] >= key.budget
            if _same(entry, replace(key, budget=entry["budget"]) if longer else key):
                yield entry


def table(
    results: Results, race: Key, seeds: Iterable[int], budgets: list[float], competitors: list[str], baseline: str
) -> str:
    """Return held-out (and validation) accuracy by budget, and the time to the baseline's at the longest one."""
    seeds, longest = list(seeds), budgets[-1]
    goals = {seed: results.state(race.of(seed, baseline, longest)) for seed in seeds}
    times = {
        name: [
            results.seconds_to(goal.test, race.of(seed, name, longest))
            for seed, goal in goals.items()
            if goal is not None
        ]
        for name in (*competitors, baseline)
    }
    own = _median(times[baseline])
    heads = [f"at {span(budget)}" for budget in budgets]
    lines = [f"{'':14}" + "".join(f"{head:>16}" for head in heads) + f"{'time to goal':>15}{'ratio':>8}"]
    for name in competitors:
        cells = "".join(f"{_cell(results, race, seeds, name, budget):>16}" for budget in budgets)
        took = _median(times[name])
        ratio = f"{own / took:.1f}" if math.isfinite(took) else "-"
        lines.append(f"{name:14}{cells}{span(took) if math.isfinite(took) else f'> {span(longest)}':>15}{ratio:>8}")
    lines += [
        "",
        "Held-out accuracy, in brackets that on validation; medians over seeds "
        + ", ".join(map(str, seeds))
        + ". Goal: the held-out accuracy",
        f"of {baseline} at {span(longest)}, {_goal(goals)}; time to goal: when a competitor first had it. "
        f"Ratio: {baseline}'s time to it by each.",
    ]
    used = [(results.state(race.of(seed, "autotl", budget)), budget) for seed in seeds for budget in budgets]
    took = ", ".join(f"{span(state.seconds)} of {span(budget)}" for state, budget in used if state is not None)
    lines.append(f"autotl's searches took {took}.")
    for name in competitors:
        notes = {results.note(race.of(seed, name, longest)) for seed in seeds} - {""}
        lines += [f"{name}: {note}" for note in sorted(notes)]
    return "\n".join(lines)


def span(seconds: float) -> str:
    """Return seconds as a user would write them."""
    whole = round(seconds)
    return f"{whole // 60}m" if whole >= 60 and whole % 60 == 0 else f"{whole}s"


def _cell(results: Results, race: Key, seeds: list[int], name: str, budget: float) -> str:
    states = [state for seed in seeds if (state := results.state(race.of(seed, name, budget))) is not None]
    if not states:
        return "-"
    return f"{median(state.test for state in states):.3f} ({median(state.valid for state in states):.3f})"


def _goal(goals: dict[int, State | None]) -> str:
    known = [f"{goal.test:.3f}" for goal in goals.values() if goal is not None]
    return " / ".join(known) or "unknown"


def _median(times: list[float]) -> float:
    return median(times) if times else math.inf


def _same(entry: dict[str, Any], key: Key) -> bool:
    return all(entry[name] == value for name, value in asdict(key).items())
