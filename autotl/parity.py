"""Whether an export answers as the Keras model does: reloaded in its own runtime, in a fresh process, and timed.

`python -m autotl.parity JOB ANSWER` is that process; both are JSON files.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autotl.errors import AutotlError, RunError
from autotl.exported import opened
from autotl.parts import Tolerance
from autotl.plugins import catalogue

_BATCH = 32  # pictures
_WARM, _FEWEST, _MOST, _SECONDS = 3, 10, 200, 2.0  # calls before timing, timed calls, and when they are enough


@dataclass(frozen=True, slots=True)
class Sample:
    """What an export is compared on: pictures `(n, height, width, 3)`, and what Keras makes of them.

    `labels` is None where nobody knows what the pictures show: they are noise.
    """

    pixels: NDArray[np.uint8]
    expected: NDArray[np.float32]
    labels: NDArray[np.int64] | None


@dataclass(frozen=True, slots=True)
class Format:
    """An exporter as a fresh process finds it again: its name, plugin files, and plugins left out."""

    name: str
    files: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parity:
    """How an export compares with Keras on the same `pictures`; accuracies are None on `noise`.

    `difference` is the largest between two probabilities, `agreement` the share of pictures with the same most
    probable class; milliseconds are the median of one picture, on all threads and, where it can be set, on one.
    `modules` are the packages that were imported to answer.
    """

    pictures: int
    noise: bool
    difference: float
    agreement: float
    accuracy: float | None
    keras_accuracy: float | None
    milliseconds: float
    milliseconds_one_thread: float | None
    modules: tuple[str, ...] = ()


def measure(made: Format, path: Path, sample: Sample) -> Parity:
    """Return how the export at `path` compares; raises RunError when it cannot be loaded or answers no sense."""
    with TemporaryDirectory(prefix="autotl-parity-") as room:
        np.save(Path(room) / "pixels.npy", sample.pixels)
        told = _in_fresh_process(made, path, Path(room), threads=None)
        answered = np.load(Path(room) / "answered.npy", allow_pickle=False)
        alone = _in_fresh_process(made, path, Path(room), threads=1) if told["takes_threads"] else {}
    if answered.shape != sample.expected.shape:
        raise RunError(f"The export answers in the shape {answered.shape}; {sample.expected.shape} was expected.")
    compared = _compared(sample, answered, told["milliseconds"], alone.get("milliseconds"))
    return dataclasses.replace(compared, modules=tuple(told["modules"]))


def objection(parity: Parity, tolerance: Tolerance) -> str:
    """Return why an export cannot be believed, in a sentence; an empty string when it can."""
    one = 1 / parity.pictures  # a single picture may lie on the border of two classes
    if not parity.difference <= tolerance.difference:  # so that nan fails, too
        return f"probabilities differ by {parity.difference:.2g}, at most {tolerance.difference:g} was expected"
    if parity.agreement < min(tolerance.agreement, 1 - one):
        return f"it agrees with Keras on {parity.agreement:.1%} of pictures, {tolerance.agreement:.0%} was expected"
    if parity.accuracy is not None and parity.keras_accuracy is not None:
        fall = parity.keras_accuracy - parity.accuracy
        if fall > max(tolerance.drop, one) + 1e-9:
            return f"accuracy falls by {fall:.3f}, at most {tolerance.drop:g} was expected"
    return ""


def _compared(sample: Sample, answered: NDArray[np.float32], all_threads: float, one: float | None) -> Parity:
    expected, labels = sample.expected.argmax(axis=1), sample.labels
    found = answered.argmax(axis=1)
    return Parity(
        pictures=len(answered),
        noise=labels is None,
        difference=float(np.abs(answered - sample.expected).max()),
        agreement=float((found == expected).mean()),
        accuracy=None if labels is None else float((found == labels).mean()),
        keras_accuracy=None if labels is None else float((expected == labels).mean()),
        milliseconds=all_threads,
        milliseconds_one_thread=one,
    )


def _in_fresh_process(made: Format, path: Path, room: Path, *, threads: int | None) -> dict[str, Any]:
    job = {
        "format": made.name,
        "files": list(made.files),
        "without": list(made.without),
        "path": str(path.resolve()),
        "pixels": str(room / "pixels.npy"),
        "answered": str(room / "answered.npy"),
        "threads": threads,
    }
    asked, answer = room / "job.json", room / "answer.json"
    asked.write_text(json.dumps(job), "utf-8")
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "autotl.parity", str(asked), str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if not answer.is_file():
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise RunError(f"The process that loaded {path.name} fell: {last}.")
    told: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "error" in told:
        raise RunError(told["error"])
    return told


def _main(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load the export of a job; write what it answers, or with `threads` only time it."""
    files = [Path(file) for file in job["files"]]
    exporter = catalogue(files, job["without"]).exporter(job["format"])
    takes_threads = "threads" in inspect.signature(exporter.load).parameters
    more = {"threads": job["threads"]} if job["threads"] else {}
    answer = opened(exporter, Path(job["path"]), **more)
    pixels = np.load(job["pixels"], allow_pickle=False)
    if not job["threads"]:
        batches = [pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH)]
        np.save(job["answered"], np.concatenate([np.asarray(answer(batch), np.float32) for batch in batches]))
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    return {"milliseconds": _milliseconds(answer, pixels[:1]), "takes_threads": takes_threads, "modules": modules}


def _milliseconds(answer: Callable[[NDArray[Any]], Any], picture: NDArray[np.uint8]) -> float:
    for _ in range(_WARM):
        answer(picture)
    spans: list[float] = []
    end = time.perf_counter() + _SECONDS
    while len(spans) < _FEWEST or (len(spans) < _MOST and time.perf_counter() < end):
        began = time.perf_counter()
        answer(picture)
        spans.append(time.perf_counter() - began)
    return 1000 * float(np.median(spans))


def _answered(arguments: Sequence[str]) -> None:
    job = json.loads(Path(arguments[0]).read_text("utf-8"))
    try:
        told = _main(job)
    except AutotlError as error:
        told = {"error": str(error)}
    except Exception as error:  # a stranger's code
        told = {"error": f"{Path(job['path']).name} was loaded, but fails: {type(error).__name__}: {error}"}
    Path(arguments[1]).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    _answered(sys.argv[1:])
