"""Does memory stay where it was, trial after trial?

    python examples/benchmarks/flat.py [DATA] [--trials 200] [--epochs 2] [--size 64] [--backbone mobilenet_v2]

One search through the command line of many short trials, of all depths, heads and augmentations; without DATA, on
small pictures made from a seed. Whenever a trial ends, the memory that the parent and its worker hold for themselves
is read (pages of mapped files can be dropped at any time and do not count). It prints their medians over each tenth of
the trials, and how often a worker was replaced because it had grown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from scale import MB, made_up


@dataclass
class Readings:
    """The MB of parent and worker when each trial had ended, and the ids of all workers."""

    parent: list[float] = field(default_factory=list)
    worker: list[float] = field(default_factory=list)
    workers: set[int] = field(default_factory=set)

    def read(self, pid: int) -> None:
        """Take one reading, unless a process has just ended."""
        try:
            parent = psutil.Process(pid)
            children = parent.children()
            held = [_held(parent), sum(_held(child) for child in children)]
        except psutil.Error:
            return
        self.workers.update(child.pid for child in children)
        self.parent.append(held[0])
        self.worker.append(held[1])


def _held(process: psutil.Process) -> float:
    info = process.memory_info()
    return (info.rss - getattr(info, "shared", 0)) / MB


def watched(command: list[str], out: Path) -> Readings:
    """Run a search and read its memory after each trial."""
    readings, seen = Readings(), 0
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        ended = sum(1 for _ in out.glob("trials/*/trial.json"))
        if ended > seen:
            seen = ended
            readings.read(process.pid)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"the search ended with exit code {process.returncode}")
    return readings


def table(readings: Readings) -> str:
    """Return the medians over each tenth of the trials."""
    count = len(readings.parent)
    lines = ["   trials  parent MB  worker MB"]
    for tenth in range(10):
        first, last = count * tenth // 10, count * (tenth + 1) // 10
        if last > first:
            medians = [statistics.median(kind[first:last]) for kind in (readings.parent, readings.worker)]
            lines.append(f"{first + 1:4d}-{last:4d}{medians[0]:11.0f}{medians[1]:11.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="folder or CSV of labelled pictures")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--backbone", default="mobilenet_v2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        data = asked.data or str(made_up(folder / "pictures", 160, side=48))
        command = [sys.executable, "-m", "autotl", "search", data, "--backbone", asked.backbone, "--quiet"]
        for name, value in {"trials": asked.trials, "epochs": asked.epochs, "image-size": asked.size}.items():
            command += [f"--{name}", str(value)]
        os.environ["AUTOTL_CACHE"] = str(folder / "cache")
        readings = watched([*command, "--confirm", "0"], folder / "run")
    print(table(readings))
    print(f"\n{len(readings.workers) - 1} times a worker was replaced")


if __name__ == "__main__":
    main()
