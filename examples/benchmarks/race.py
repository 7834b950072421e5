"""Equal wall-clock, same pictures, same weights, same backbones: autotl against other ways to search.

    python examples/benchmarks/race.py DATA [--budgets 2m 5m 10m] [--seeds 0 1 2] [--results race.json]

DATA is a folder or CSV of labelled pictures; weights come from where Keras keeps them (online, or KERAS_HOME).
The competitors are

  autotl        `autotl search --time BUDGET`, with an empty cache, once for each budget
  hand_written  Optuna and Keras as in the well-known articles: decoded cache in memory, MedianPruner
  kerastuner    KerasTuner's Hyperband over the same space
  autokeras     AutoKeras's ImageClassifier, which chooses networks of its own

A peer runs once, for the longest budget, in a virtual environment that is made on first use (--venvs); whenever its
best model on validation improves, that model is scored on the held-out pictures while its clock stands still, so
its state at shorter budgets is known too. Process start and imports count for all. autotl is also given the
budgets of a ladder, until its model is as good on held-out pictures as the hand-written search's at the longest
budget. Results are kept in a file, so that a race goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from competitors import SCRIPTS, VENVS, Settings, run_autotl, run_peer
from splits import split
from standings import Key, Results, State, span, table

LADDER = (10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0)
BASELINE = "hand_written"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Track:
    """A race on one data set: what is run is what the results do not hold yet."""

    results: Results
    race: Key
    settings: Settings

    def run(self, seed: int, competitor: str, budget: float) -> State | None:
        """Let a competitor run if it has not, and return what it reached."""
        key = self.race.of(seed, competitor, budget)
        if not self.results.finished(key):
            print(f"  {competitor}, seed {seed}, {span(budget)} …", flush=True)
            if competitor == "autotl":
                self.results.put(key, run_autotl(self.settings, seed, budget))
            else:
                self.results.put(key, run_peer(competitor, self.settings, seed, budget))
        return self.results.state(key)

    def climb(self, seed: int, goal: State, longest: float) -> None:
        """Give autotl longer and longer budgets until its model is as good as the goal."""
        for budget in LADDER:
            if budget > longest:
                return
            reached = self.run(seed, "autotl", budget)
            if reached is not None and reached.test >= goal.test:
                return


def main() -> None:
    options = _options()
    budgets = sorted(map(seconds, options.budgets))
    with tempfile.TemporaryDirectory() as folder:
        parts = split(options.data, Path(folder))
        settings = Settings(parts, tuple(options.backbones), options.size, options.epochs, options.venvs)
        setting = f"{settings.size} px, at most {settings.epochs} epochs, {' + '.join(settings.backbones)}"
        track = Track(Results(options.results), Key(options.data.resolve().name, setting, 0, "", 0.0), settings)
        print(f"{track.race.data}: {parts.counts()}; {setting}", flush=True)
        for seed in options.seeds:
            goals = {peer: track.run(seed, peer, budgets[-1]) for peer in options.peers}
            for budget in budgets:
                track.run(seed, "autotl", budget)
            if goals.get(BASELINE) is not None:
                track.climb(seed, goals[BASELINE], budgets[-1])
    print("\n" + table(track.results, track.race, options.seeds, budgets, ["autotl", *options.peers], BASELINE))


def seconds(text: str) -> float:
    """Return 90s, 5m or 1h in seconds."""
    return float(text.rstrip("smh")) * UNITS.get(text[-1], 1.0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budgets", nargs="+", default=["2m", "5m", "10m"], metavar="SPAN")
    parser.add_argument("--peers", nargs="*", default=list(SCRIPTS), choices=list(SCRIPTS))
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2", "mobilenet"], metavar="NAME")
    parser.add_argument("--size", type=int, default=224, help="side of the pictures in pixels, for everyone")
    parser.add_argument("--epochs", type=int, default=10, help="longest training of one trial, for everyone")
    parser.add_argument("--seeds", "--seed", nargs="+", type=int, default=[0], metavar="N")
    parser.add_argument("--results", type=Path, default=Path("race.json"), metavar="FILE")
    parser.add_argument("--venvs", type=Path, default=VENVS, metavar="DIR", help="default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()
