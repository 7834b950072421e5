"""What grows when the work grows? Four times the images, the trials, the backbones; or ten times the images.

    python examples/benchmarks/scale.py DATA [--trials 4] [--size 96]
    python examples/benchmarks/scale.py --pictures 50000

The first compares four searches through the command line: a base, and each of the three times four. Further images
are copies of DATA's with a changed border, so that their contents differ. The second makes small pictures from a
seed, a tenth of the number and then all of it, and compares two searches: memory should not grow with images.

Memory is the peak of what processes hold for themselves, sampled ten times a second; pages of files that are
mapped, such as features, can be dropped by the system at any time, and are shown apart.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import psutil

TIMES = 4
MB = 1e6
BACKBONES = ("mobilenet_0.25", "mobilenet", "mobilenet_v2_0.35", "mobilenet_v2")


@dataclass
class Measured:
    """One search: seconds; peaks of memory and sizes of folders in MB."""

    seconds: float = 0.0
    parent: float = 0.0
    workers: float = 0.0
    mapped: float = 0.0
    cache: float = 0.0
    run: float = 0.0


def search(data: Path, trials: int, epochs: int, size: int, backbones: tuple[str, ...]) -> Measured:
    """Return what a whole search took, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        run, cache = Path(folder) / "run", Path(folder) / "cache"
        command = [
            *(sys.executable, "-m", "autotl", "search", data, "--out", run, "--cache", cache, "--quiet", "--json"),
            *("--trials", trials, "--epochs", epochs, "--image-size", size, "--confirm", 0),
            *(word for name in backbones for word in ("--backbone", name)),
        ]
        measured = Measured()
        began = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
        while process.poll() is None:
            _sample(process.pid, measured)
            time.sleep(0.1)
        measured.seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"The search ended with exit code {process.returncode}.")
        measured.cache, measured.run = _size(cache), _size(run)
        return measured


def _sample(pid: int, measured: Measured) -> None:
    """Raise the peaks to what the processes of a search hold now."""
    try:
        parent = psutil.Process(pid)
        own, workers = _memory(parent), [_memory(child) for child in parent.children(recursive=True)]
    except psutil.Error:
        return  # one has just ended
    measured.parent = max(measured.parent, own[0])
    measured.workers = max(measured.workers, sum(worker[0] for worker in workers))
    measured.mapped = max(measured.mapped, sum(worker[1] for worker in workers))


def _memory(process: psutil.Process) -> tuple[float, float]:
    """Return the MB in memory that a process holds for itself, and those of files that it maps."""
    info = process.memory_info()
    if hasattr(info, "shared"):  # Linux
        return (info.rss - info.shared) / MB, info.shared / MB
    private = process.memory_full_info().uss
    return private / MB, max(info.rss - private, 0) / MB


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MB


def copies(data: Path, into: Path, times: int) -> Path:
    """Write each picture so many times as a PNG, each with a border of another grey; splits stay as they are."""
    from autotl.data.load import read

    entries = read(data).entries
    with ProcessPoolExecutor() as pool:
        jobs = []
        for place, entry in enumerate(entries):
            folder = into / (entry.split or "") / entry.label
            folder.mkdir(parents=True, exist_ok=True)
            jobs += [pool.submit(_copy, entry.path, folder / f"{place}-{copy}.png", copy) for copy in range(times)]
        for job in jobs:
            job.result()
    return into


def _copy(source: Path, target: Path, copy: int) -> None:
    from PIL import Image, ImageOps

    with Image.open(source) as picture:
        inner = ImageOps.exif_transpose(picture).convert("RGB").crop((1, 1, picture.width - 1, picture.height - 1))
        ImageOps.expand(inner, border=1, fill=(40 * copy,) * 3).save(target, compress_level=1)


def made_up(into: Path, count: int, *, classes: int = 4, side: int = 32) -> Path:
    """Write small pictures from a seed: noise with a square whose colour tells the class."""
    for label in range(classes):
        (into / str(label)).mkdir(parents=True)
    blocks = [range(start, min(start + 1000, count)) for start in range(0, count, 1000)]
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_made_up, into, classes, side), blocks):
            pass
    return into


def _made_up(into: Path, classes: int, side: int, numbers: range) -> None:
    import numpy as np
    from PIL import Image

    for number in numbers:
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 160, (side, side, 3), dtype=np.uint8)
        label = number % classes
        pixels[8:24, 8:24, label % 3] += 30 * (1 + label // 3)
        Image.fromarray(pixels).save(into / str(label) / f"{number}.png", compress_level=1)


def table(rows: dict[str, Measured]) -> str:
    """Return the figures, the first row as they are, the others also as ratios to it."""
    names = [field.name for field in fields(Measured)]
    heads = {"seconds": "time s", "mapped": "mapped MB", "cache": "cache MB", "run": "run MB"}
    lines = [f"{'':14}" + "".join(f"{heads.get(name, f'{name} MB'):>18}" for name in names)]
    base = next(iter(rows.values()))
    for title, row in rows.items():
        cells = []
        for name in names:
            value, first = getattr(row, name), getattr(base, name)
            ratio = f" ({value / first:5.2f})" if row is not base and first else " " * 8
            cells.append(f"{value:10.1f}{ratio}")
        lines.append(f"{title:14}" + "".join(cells))
    return "\n".join(lines)


def times_four(options: argparse.Namespace, folder: Path) -> dict[str, Measured]:
    """Measure a base, and four times the images, the trials and the backbones."""
    few, many = copies(options.data, folder / "few", 1), copies(options.data, folder / "many", TIMES)
    one, all_of_them = options.backbones[:1], options.backbones
    plans: dict[str, tuple[Path, int, tuple[str, ...]]] = {
        "base": (few, options.trials, one),
        f"images x{TIMES}": (many, options.trials, one),
        f"trials x{TIMES}": (few, TIMES * options.trials, one),
        f"backbones x{len(all_of_them)}": (few, options.trials, all_of_them),
    }
    return _measure(plans, options)


def times_ten(options: argparse.Namespace, folder: Path) -> dict[str, Measured]:
    """Measure a tenth of the small pictures, and all of them."""
    counts = (options.pictures // 10, options.pictures)
    plans = {
        f"{count} images": (made_up(folder / str(count), count), options.trials, options.backbones[:1])
        for count in counts
    }
    return _measure(plans, options)


def _measure(plans: dict[str, tuple[Path, int, tuple[str, ...]]], options: Any) -> dict[str, Measured]:
    rows = {}
    for title, (data, trials, backbones) in plans.items():
        rows[title] = search(data, trials, options.epochs, options.size, backbones)
        print(f"  {title}: {rows[title].seconds:.1f} s", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder or CSV of labelled pictures")
    parser.add_argument("--pictures", type=int, metavar="N", help="make so many small pictures instead of DATA")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", type=int, help="side of the pictures in pixels; default 96, or 32 with --pictures")
    parser.add_argument("--backbones", nargs="+", default=BACKBONES, metavar="NAME", help="the first is the base's")
    options = parser.parse_args()
    if (options.data is None) == (options.pictures is None):
        parser.error("name DATA or give --pictures N")
    options.size = options.size or (32 if options.pictures else 96)
    options.backbones = tuple(options.backbones)
    with tempfile.TemporaryDirectory() as folder:
        rows = (times_ten if options.pictures else times_four)(options, Path(folder))
    print(f"\n{cpu_count()} CPUs, {options.size} px, {options.epochs} epochs; in brackets the ratio to the first row")
    print(table(rows))


def cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
