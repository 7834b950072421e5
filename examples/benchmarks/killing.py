"""Does a search that is killed end as if it had not been?

A search with a budget of trials runs undisturbed; then the same search again and again, each time killed with
`kill -9` at a random moment: the parent, its worker, both, or both with the last writes cut off as a power cut would.
The same command then goes on. Compared are all trials (number, state, parameters, the scores of every epoch), the
winner and its scores. Counted are epochs that were trained twice. Run:

    python examples/benchmarks/killing.py DATA [--kills 20] [--trials 6] [--epochs 6] [--size 96] [--seed 0]
        [--backbone mobilenet_v2]

DATA is a folder of labelled pictures; the weights of the backbone are at hand (online, or KERAS_HOME). It prints a line
for each kill, and in the last one how many searches ended alike.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

import autotl
from autotl.runlog import lines

VICTIMS = ("parent", "worker", "both", "power")
TORN = 4096  # bytes of a last write that a power cut takes


@dataclass(frozen=True)
class Search:
    """A command, and what it needs to be run again and again."""

    command: list[str]
    environment: dict[str, str]

    def start(self, out: Path) -> subprocess.Popen:
        """Start it in a run folder."""
        return subprocess.Popen(
            [*self.command, "--out", str(out)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, out: Path) -> float:
        """Run it to its end and return the seconds."""
        began = time.monotonic()
        process = self.start(out)
        _, told = process.communicate()
        if process.returncode:
            raise SystemExit(f"the search in {out} failed: {told}")
        return time.monotonic() - began


def kill(process: subprocess.Popen, victim: str, out: Path) -> bool:
    """Kill the parent, its worker or both; return whether there was anything to kill."""
    if process.poll() is not None:
        return False
    workers = psutil.Process(process.pid).children(recursive=True)
    doomed = [*([process] if victim != "worker" else []), *(workers if victim != "parent" else [])]
    for each in doomed:
        if psutil.pid_exists(each.pid):
            os.kill(each.pid, signal.SIGKILL)
    if victim == "worker":
        return bool(workers)
    process.wait()
    psutil.wait_procs(workers, timeout=30)  # a worker ends with its parent
    if victim == "power":
        tear(out)
    return True


def struck(search: Search, victim: str, out: Path, moments: random.Random, seconds: float) -> tuple[float, str]:
    """Start a search, kill it at a random moment, and return that and what it had told last."""
    while True:
        process, moment = search.start(out), moments.uniform(0.0, seconds)
        time.sleep(moment)
        hit = kill(process, victim, out)
        after = last_event(out)
        process.communicate()
        if hit:
            return moment, after
        shutil.rmtree(out)  # it had ended already


def tear(out: Path) -> None:
    """Cut off the last writes: the newest state of a trial, the log of the study, the log."""
    states = sorted(out.glob("trials/*/state.npz"), key=lambda file: file.stat().st_mtime)
    for file in [*states[-1:], out / "study.db-wal", out / "log.jsonl"]:
        if file.is_file():
            os.truncate(file, max(file.stat().st_size - TORN, 0))


def outcome(out: Path) -> dict[str, object]:
    """Return what a search found, less what clocks say."""
    result = autotl.open_run(out)
    trials = [
        (
            record.number,
            record.state,
            record.candidate.key(),
            record.score,
            record.continues,
            record.repeats,
            [{name: value for name, value in row.items() if name != "seconds"} for row in record.history],
        )
        for record in result.records
    ]
    return {
        "trials": trials,
        "best": result.metrics["trial"],
        "scores": [result.metrics["valid"], result.metrics["test"]],
    }


def epochs(out: Path) -> Counter:
    """Return how often each epoch of each trial was trained.

    A search that goes on tells of the epochs that are behind it once more; what was trained anew took other seconds.
    """
    told = {
        (event["number"], event["row"]["epoch"], event["row"]["seconds"])
        for event in lines(out / "log.jsonl")
        if event.get("event") == "EpochEnded"
    }
    return Counter((number, epoch) for number, epoch, _ in told)


def last_event(out: Path) -> str:
    """Return what a search told last."""
    events = list(lines(out / "log.jsonl"))
    if not events:
        return "nothing yet"
    event = events[-1]
    place = f" {event['number']}" if "number" in event else ""
    row = f", epoch {event['row']['epoch']:.0f}" if "row" in event else ""
    return f"{event['event']}{place}{row}"


def difference(one: dict[str, object], other: dict[str, object]) -> str:
    """Return in a few words where two outcomes differ, "" where they do not."""
    for name in one:
        if one[name] != other[name]:
            return name
    return ""


def main() -> None:
    """Kill, resume, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    moments = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        options = {"trials": asked.trials, "epochs": asked.epochs, "image-size": asked.size, "seed": asked.seed}
        command = [sys.executable, "-m", "autotl", "search", asked.data, "--backbone", asked.backbone, "--confirm", "1"]
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        search = Search(
            [*command, "--test-split", "0.2", "--quiet"], {**os.environ, "AUTOTL_CACHE": str(folder / "cache")}
        )
        search.run(folder / "first")  # fills the store, so that all that follow take the same time
        seconds = search.run(folder / "whole")
        whole, trained = outcome(folder / "whole"), sum(epochs(folder / "whole").values())
        again = difference(whole, outcome(folder / "first"))
        print(
            f"undisturbed: {seconds:.0f} s, {len(whole['trials'])} trials, {trained} epochs, best {whole['best']}",
            flush=True,
        )
        print(f"the same undisturbed search once more: {again + ' differ' if again else 'equal'}\n", flush=True)
        print("kill  victim   at s  after                  equal  epochs repeated")
        equal = repeated = 0
        for number in range(asked.kills):
            victim, out = VICTIMS[number % len(VICTIMS)], folder / str(number)
            moment, after = struck(search, victim, out, moments, seconds)
            seconds = min(seconds, moment + search.run(out))  # other programs may have slowed down the first
            where = difference(whole, outcome(out))
            twice = sum(count - 1 for count in epochs(out).values())
            equal, repeated = equal + (not where), repeated + twice
            print(f"{number:4d}  {victim:7s}{moment:6.1f}  {after:22s} {where or 'yes':6s} {twice}", flush=True)
        print(f"\n{equal} of {asked.kills} ended as the undisturbed search; {repeated} epochs were trained twice")


if __name__ == "__main__":
    main()
