"""How many pictures a second does the check before a search read?

    python examples/benchmarks/checking.py [--pictures 2000] [--side 500] [--copies 0.02]
    python examples/benchmarks/checking.py --hashes 50000

The first makes JPEGs of noisy shapes from a seed, some of them saved again at another quality, and times the whole of
`load`: reading, decoding, hashing, finding duplicates, drawing splits. The second times the search for near duplicates
alone, among so many random hashes, and says what memory it took.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path


def made_up(into: Path, count: int, side: int, copies: float) -> None:
    """Write JPEGs of ten classes, a share of them a second time."""
    for label in range(10):
        (into / str(label)).mkdir(parents=True)
    blocks = [range(start, min(start + 100, count)) for start in range(0, count, 100)]
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_made_up, into, side, copies), blocks):
            pass


def _made_up(into: Path, side: int, copies: float, numbers: range) -> None:
    import numpy as np
    from PIL import Image

    for number in numbers:
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((side, side * 3 // 4), Image.Resampling.BICUBIC), np.int16)
        grain = rng.integers(-12, 13, pixels.shape, dtype=np.int16)
        picture = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
        picture.save(into / str(number % 10) / f"{number}.jpg", quality=88)
        if rng.random() < copies:
            picture.save(into / str(number % 10) / f"{number} again.jpg", quality=60)


def whole_check(options: argparse.Namespace) -> None:
    """Time the check of made-up pictures, twice: the second time the files are in memory already."""
    from autotl.data import load

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        made_up(data, options.pictures, options.side, options.copies)
        count = sum(1 for _ in data.rglob("*.jpg"))
        size = sum(file.stat().st_size for file in data.rglob("*.jpg"))
        print(f"{count} JPEGs, {options.side} px, {size / count / 1e3:.0f} kB each; {cpu_count()} CPUs")
        for run in ("first", "again"):
            began, worked = time.perf_counter(), time.process_time()
            dataset = load(data)
            seconds, worked = time.perf_counter() - began, time.process_time() - worked
            alike = sum(len(finding.sets) for finding in dataset.findings if finding.kind.startswith("alike"))
            rate = f"{count / seconds:.0f} pictures a second, {count / worked:.0f} a second of one CPU's work"
            print(f"{run}: {seconds:.1f} s, {rate}; {alike} near duplicates found")


def hashes_alone(count: int) -> None:
    """Time the search for close pairs among random hashes."""
    import numpy as np

    from autotl.data.duplicates import DISTANCE, close_pairs

    hashes = np.random.default_rng(0).integers(0, 2**63, count).astype(np.uint64)
    tracemalloc.start()
    began, worked = time.perf_counter(), time.process_time()
    pairs = sum(len(block) for block in close_pairs(hashes, DISTANCE))
    seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    worked = time.process_time() - worked
    print(f"{count} hashes, {pairs} close pairs: {seconds:.1f} s, {worked:.1f} s of a CPU, {peak / 1e6:.0f} MB at most")


def cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000, metavar="N")
    parser.add_argument("--side", type=int, default=500, metavar="PIXELS")
    parser.add_argument("--copies", type=float, default=0.02, metavar="FRACTION", help="saved a second time")
    parser.add_argument("--hashes", type=int, metavar="N", help="only search N random hashes for close pairs")
    options = parser.parse_args()
    if options.hashes:
        hashes_alone(options.hashes)
    else:
        whole_check(options)


if __name__ == "__main__":
    main()
