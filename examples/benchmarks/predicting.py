"""How many pictures a second does `autotl predict` label, and does its memory grow with their number?

    python examples/benchmarks/predicting.py [RUN|MODEL] [--pictures 1000 10000] [--side 64] [--batch-size 32]

One command for each number of small pictures made from a seed, with `--csv`. Without a model, it is a mobilenet_v2_0.35
of 64 pixels with random weights: they take as long as others. Memory is what the process holds (resident), when the
first rows are written and at most: the model and its runtime take most of it. The pictures a second are those that the
command tells, without the time to load the model.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from scale import MB, cpu_count, made_up


@dataclass
class Measured:
    """One command: pictures, seconds in all, pictures a second, MB at the first rows and at most."""

    pictures: int
    seconds: float
    rate: str
    first: float
    peak: float


def model(folder: Path) -> Path:
    """Save a network of five classes and return its file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    pixels = keras.Input((64, 64, 3))
    backbone = keras.applications.MobileNetV2(alpha=0.35, weights=None, include_top=False, input_shape=(64, 64, 3))
    features = keras.layers.GlobalAveragePooling2D()(backbone(keras.layers.Rescaling(1 / 127.5, -1)(pixels)))
    keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(features)).save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps({"classes": list("abcde")}))
    return folder / "model.keras"


def predicted(source: Path, data: Path, count: int, batch_size: int) -> Measured:
    """Return what labelling a folder took."""
    table = data.with_suffix(".csv")
    command = [sys.executable, "-m", "autotl", "predict", source, data, "--csv", table, "--batch-size", batch_size]
    began, first, peak = time.perf_counter(), 0.0, 0.0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(list(map(str, command)), stdout=said)
        while process.poll() is None:
            peak = max(peak, held := _held(process.pid))
            if not first and any(file.stat().st_size for file in data.parent.glob(f".{table.name}-*")):
                first = held
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"The command ended with exit code {process.returncode}.")
        said.seek(0)
        rate = re.findall(r"([\d,]+) a second", said.read())[-1]
    return Measured(count, seconds, rate, first or peak, peak)


def _held(pid: int) -> float:
    try:
        return psutil.Process(pid).memory_info().rss / MB
    except psutil.Error:  # it has just ended
        return 0.0


def table(rows: list[Measured]) -> str:
    """Return the figures, a line for each number of pictures."""
    lines = [f"{'pictures':>10}{'time s':>10}{'a second':>10}{'first rows MB':>15}{'peak MB':>10}"]
    for row in rows:
        lines.append(f"{row.pictures:10,d}{row.seconds:10.1f}{row.rate:>10}{row.first:15.0f}{row.peak:10.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="run folder of a search, or an exported model")
    parser.add_argument("--pictures", type=int, nargs="+", default=[1000, 10000], metavar="N")
    parser.add_argument("--side", type=int, default=48, metavar="PIXELS")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        source = options.model or model(folder)
        rows = []
        for count in options.pictures:
            data = made_up(folder / str(count), count, side=options.side)
            rows.append(predicted(source, data, count, options.batch_size))
    print(f"{cpu_count()} CPUs, pictures of {options.side} px, batches of {options.batch_size}")
    print(table(rows))


if __name__ == "__main__":
    main()
