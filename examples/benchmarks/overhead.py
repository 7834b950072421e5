"""What does a whole search cost beyond its arithmetic?

    python examples/benchmarks/overhead.py DATA [--trials 12] [--backbones mobilenet_v2 mobilenet]

A search runs through the command line, with an empty cache. Then, in one warm process, the floor is measured:
decoding each picture once, one forward pass through each backbone, and the arithmetic of the very trials that ran:
the median time of their compiled steps (no tracing) times their steps, of their validation times their epochs,
of the views that were drawn for augmentation, of their probes. The table has the wall time by part, the floor, and
the ratio of both.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CALLS = 9
ORDER = ("decoding", "forward", "probes", "steps", "validation", "views")


def search(options: argparse.Namespace, run: Path) -> float:
    """Return the seconds of a whole search, from the start of its process to its end."""
    command = [
        *(sys.executable, "-m", "autotl", "search", options.data, "--out", run, "--cache", run.with_name("cache")),
        *("--trials", options.trials, "--epochs", options.epochs, "--seed", options.seed, "--workers", 1, "--quiet"),
        *(() if options.size is None else ("--image-size", options.size)),
        *(word for name in options.backbones for word in ("--backbone", name)),
    ]
    began = time.perf_counter()
    code = subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL).returncode
    seconds = time.perf_counter() - began
    if code:
        raise SystemExit(f"The search ended with exit code {code}.")
    return seconds


def parts(run: Path, wall: float) -> dict[str, float]:
    """Return where the seconds of a search went, from its log and its records."""
    from autotl.folder import RunFolder

    at: dict[str, list[float]] = defaultdict(list)
    for line in map(json.loads, RunFolder(run).log.read_text("utf-8").splitlines()):
        at[line["event"]].append(line["elapsed"])
    records = [record for record in RunFolder(run).records() if not record.probe]
    trials = sum(record.seconds for record in records)
    epochs = sum(row["seconds"] for record in records for row in own_rows(record, records))
    probes = sum(probed.seconds for probed in RunFolder(run).probed())
    first, last = at["TrialBegan"][0], at["TrialEnded"][-1]
    return {
        "start and end of the process": wall - at["SearchEnded"][0],
        "reading the pictures": at["SearchBegan"][0],
        "start of the worker, backbones": first - at["SearchBegan"][0] - probes,
        "probes": probes,
        "trials, before their first epoch": trials - epochs,
        "trials, their epochs": epochs,
        "between trials": last - first - trials,
        "finish": at["SearchEnded"][0] - last,
    }


def own_rows(record: Any, records: list[Any]) -> list[Any]:
    """Return the epochs that a trial ran itself: one that continues another also has that one's in its history."""
    before = next((other for other in records if other.number == record.continues), None)
    return list(record.history)[len(before.history) if before else 0 :]


def floor(run: Path) -> dict[str, float]:
    """Return the seconds of the arithmetic alone, measured in this process."""
    from autotl.workers.jobs import open_bench

    bench = open_bench(run, lambda what, done, total: None)
    records = [record for record in bench.folder.records() if record.state != "failed"]
    probed = [probed.backbone for probed in bench.folder.probed() if not probed.problem]
    spent: dict[str, float] = defaultdict(float)
    sizes = {record.candidate.image_size for record in records}
    for size in sorted(sizes):
        spent["decoding once"] += seconds_of(lambda size=size: decode(bench, size))
    # trials of one backbone together: a workshop keeps few of them, and building is no arithmetic
    for record in sorted(records, key=lambda record: (record.candidate.backbone, record.number)):
        network = bench.workshop.network(record.candidate.backbone, record.candidate.image_size)
        name = f"forward pass of {network.name} at {network.image_size} px"
        if name not in spent:
            spent[name] = forward(bench, network, network.cuts[0], len(bench.workshop.features.pictures))
            if network.name in probed:
                spent["probes"] += typical(lambda network=network: probe(bench.workshop, network), times=1)
        if not record.probe:
            train(bench, record, own_rows(record, records), spent)
    return {name: spent[name] for name in sorted(spent, key=lambda name: ORDER.index(name.split()[0]))}


def decode(bench: Any, size: int) -> None:
    from autotl.data.decode import decode_many

    paths = [picture.path for picture in bench.workshop.features.pictures]
    for _ in decode_many(paths, (size, size)):
        pass


def forward(bench: Any, network: Any, cut: Any, pictures: int) -> float:
    """Return the seconds of a forward pass of so many pictures, up to a cut."""
    from autotl.transfer.features import BATCH, run

    block = bench.workshop.features.pixels(network.image_size)[:BATCH].astype("float32")
    runner = network.runner(network.pixels, [network.tap(cut)])
    return math.ceil(pictures / BATCH) * typical(lambda: run(runner, block))


def probe(workshop: Any, network: Any) -> None:
    from autotl.transfer.probe import probe

    probe(workshop, network.name, network.image_size)


def train(bench: Any, record: Any, rows: list[Any], spent: dict[str, float]) -> None:
    """Add the seconds that a trial's steps, its validation and its views take."""
    from autotl.trial import Trial

    training = Trial(bench.workshop, record.candidate)
    policy = bench.workshop.policy(record.candidate)
    for phase in training.phases:
        epochs = [int(row["epoch"]) for row in rows if phase.first <= row["epoch"] <= phase.last]
        together = phase.fit is training.step.together
        if epochs:
            steps, validation, batch = calls(phase, len(bench.workshop.dataset.classes))
            spent[f"steps of {'unfrozen layers and heads' if together else 'heads alone'}"] += len(epochs) * steps
            spent["validation"] += len(epochs) * validation
            spent["views"] += len(epochs) * batch
        if phase.rows.views > 1:
            drawn = {(epoch - 1) % phase.rows.views for epoch in epochs} - {0}
            spent["views"] += len(drawn) * view(bench, training.step.network, phase.fit.tap, policy)


def calls(phase: Any, classes: int) -> tuple[float, float, float]:
    """Return the seconds of an epoch's compiled steps, of its validation, of varying its batches as they come."""
    import numpy as np

    model, rows = phase.fit.trainee.model, phase.rows
    chosen = next(iter(rows.batches(1, phase.size, 1)))
    batch, targets = rows.batch(chosen, 1), np.eye(classes, dtype=np.float32)[rows.labels[chosen]]
    step = typical(lambda: model.train_on_batch(batch, targets, return_dict=True))
    validation = typical(lambda: rows.logits(model), times=3)
    varied = 0.0 if rows.live is None else typical(lambda: rows.batch(chosen, 1), times=3)
    return phase.steps * step, validation, phase.steps * varied


def view(bench: Any, network: Any, tap: Any, policy: Any) -> float:
    """Return the seconds in which the training pictures are varied once and run up to a tap."""
    from autotl.transfer.features import BATCH, augment

    features = bench.workshop.features
    block, layer = features.pixels(network.image_size)[:BATCH], policy.layer(1)
    count = len(features.rows("train"))
    varied = math.ceil(count / BATCH) * typical(lambda: augment(layer, block), times=3)
    return varied + forward(bench, network, network.cut(tap.unfrozen_layers), count)


def typical(call: Callable[[], Any], times: int = CALLS) -> float:
    """Return the median seconds of a call that is warm."""
    call(), call()
    return median(seconds_of(call) for _ in range(times))


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder or CSV of labelled pictures")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--size", type=int, help="side of the pictures in pixels; default: as the search chooses")
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2", "mobilenet"], metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1, help="the table shows medians of so many")
    options = parser.parse_args()
    measured = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            wall = search(options, run)
            measured.append((parts(run, wall), floor(run)))
        went, least = measured[-1]
        print(f"search {wall:.1f} s, floor {sum(least.values()):.1f} s, ratio {ratio(went, least):.2f}", flush=True)
    for title, place in (("the search", 0), ("the floor", 1)):
        rows = medians([pair[place] for pair in measured])
        print(f"\n{title:40}{'seconds':>9}")
        for name, seconds in {**rows, "in all": sum(rows.values())}.items():
            print(f"  {name:38}{seconds:9.2f}")
    print(f"\nratio {median(ratio(*pair) for pair in measured):.2f}, {options.runs} runs")


def ratio(went: dict[str, float], least: dict[str, float]) -> float:
    """Return how many times its floor a search took."""
    return sum(went.values()) / sum(least.values())


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each part; runs of different trials need not have the same parts."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: median(row.get(name, 0.0) for row in rows) for name in names}


if __name__ == "__main__":
    main()
