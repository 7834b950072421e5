"""What a worker can be asked to do: look at a backbone, run a trial, finish the winner."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autotl.candidate import Footprint, candidate_from, to_plain
from autotl.data.dataset import dataset_from
from autotl.data.problems import limit
from autotl.folder import RunFolder
from autotl.limits import broken
from autotl.plugins import catalogue
from autotl.trained import save_array, save_arrays, save_weights
from autotl.transfer.features import OnProgress
from autotl.transfer.footprint import Scales
from autotl.transfer.store import FeatureStore, default_root
from autotl.transfer.workshop import Workshop
from autotl.trial import Trial

Tell = Callable[[dict[str, Any]], None]
GoOn = Callable[[], bool]


@dataclass(frozen=True)
class Bench:
    """A run folder, and the workshop and the scales that serve it."""

    folder: RunFolder
    workshop: Workshop
    scales: Scales


def open_bench(run: Path, on_progress: OnProgress) -> Bench:
    """Read a run folder and set up a workshop for it."""
    folder = RunFolder(run)
    config = folder.read_config()
    dataset = dataset_from(json.loads(folder.dataset.read_text("utf-8")))
    limit(config.max_megapixels)
    parts = catalogue([Path(file) for file in config.plugins], config.without)
    root = Path(config.cache) if config.cache else default_root()
    store = FeatureStore(root, int(config.cache_quota * 1e9))
    workshop = Workshop(config, dataset, parts, store, on_progress)
    return Bench(folder, workshop, Scales(workshop))


def anatomy(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Build a backbone with its weights and tell what it is; measure it, if nothing else runs meanwhile."""
    name, size = job["backbone"], job["image_size"]
    found = bench.workshop.network(name, size).anatomy()
    if job["measure"]:
        found = replace(found, footprint=bench.scales.backbone(name, size))
    return {"say": "done", "anatomy": to_plain(found)}


def trial(bench: Bench, job: dict[str, Any], tell: Tell, go_on: GoOn) -> dict[str, Any]:
    """Train a candidate, from the start or from where it was stopped; keep what may be needed in the run folder.

    Each epoch is told, and what another process had trained of it already; `go_on()` returns the answer. One that
    breaks a limit of the search is not trained.
    """
    candidate, known = candidate_from(job["candidate"]), job["footprint"]
    footprint = Footprint(**known) if known else None
    if footprint is None and bench.scales.judges:
        footprint = bench.scales.candidate(candidate, job["backbone_ms"])
        why = "" if _is_under_way(bench.folder, job) else broken(footprint, bench.workshop.config)
        if why:
            return {"say": "over", "reason": f"over the limit: {why}", "footprint": to_plain(footprint)}
    began = time.monotonic()
    until = began + job["until"] if job.get("until") is not None else math.inf

    def report(row: dict[str, float]) -> bool:
        tell({"say": "epoch", "row": row})
        return go_on()

    with bench.workshop.features.within(until):
        training = Trial(bench.workshop, candidate, accumulate=job["accumulate"])
        going = True
        if _taken_up(training, bench.folder, job):
            tell({"say": "resumed", "rows": training.trained.history})
            going = go_on()
        if going:
            training.prepare()
        setup = time.monotonic() - began
        trained = training.train(report, until, bench.folder.state(job["number"])) if going else training.leave()
    number = job["number"]
    save_weights(bench.folder.weights(number), trained.weights)
    save_array(bench.folder.valid(number), trained.probabilities)
    return {
        "say": "done",
        "best_epoch": trained.best_epoch,
        "score": trained.score if math.isfinite(trained.score) else None,
        "metrics": trained.metrics,
        "history": trained.history,
        "stopped": trained.stopped,
        "setup": round(setup, 3),
        "footprint": to_plain(footprint or bench.scales.trained(training.step.network, training.step.head.model)),
        "spared": round(training.spared(), 4),
    }


def _is_under_way(folder: RunFolder, job: dict[str, Any]) -> bool:
    return any(folder.state(number).is_file() for number in _numbers(job))


def _taken_up(training: Trial, folder: RunFolder, job: dict[str, Any]) -> bool:
    """Bring a trial to where it was, or where the paused one was that it continues; return whether that is known."""
    return any(training.resume(folder.state(number)) for number in _numbers(job))


def _numbers(job: dict[str, Any]) -> list[int]:
    return [job["number"], *([] if job["resume"] is None else [job["resume"]])]


def probe(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Probe a backbone; where its linear layer is what the candidate would be, keep it as that trial's weights."""
    from autotl.transfer.probe import probe as look
    from autotl.transfer.probe import weights_for

    found = look(bench.workshop, job["backbone"], job["image_size"])
    weights = None
    if job["candidate"] is not None:
        candidate = candidate_from(job["candidate"])
        network = bench.workshop.network(candidate.backbone, candidate.image_size)
        weights = weights_for(bench.workshop.head(network, candidate), found.layer)
    if weights is not None:
        save_weights(bench.folder.weights(job["number"]), weights)
        save_array(bench.folder.valid(job["number"]), found.probabilities)
    places, said = found.opinions
    save_arrays(bench.folder.opinions(job["backbone"]), {"places": places, "said": said}, lasting=True)
    return {
        "say": "done",
        "score": found.score,
        "knn": found.knn,
        "metrics": found.metrics,
        "seconds": found.seconds,
        "ms": found.ms,
        "kept": weights is not None,
    }


def suspects(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Doubt the labels by what the probe of a backbone said, and keep what was found in the run folder."""
    from autotl.suspects import doubts, save

    with np.load(bench.folder.opinions(job["backbone"]), allow_pickle=False) as file:
        found = doubts(bench.workshop.dataset, job["backbone"], file["places"], file["said"])
    save(bench.folder, found)
    return {"say": "done"}


def finish(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Assemble the winner, score it, write it."""
    from autotl.finish import finish as finish_winner

    metrics = finish_winner(
        bench.workshop,
        bench.folder,
        candidate_from(job["candidate"]),
        job["number"],
        job["score"],
        runs=job["confirmed"],
        kin=job["kin"],
        weigh=bench.scales.finished,
    )
    return {"say": "done", "metrics": {**metrics, "memory": _most_memory()}}


def _most_memory() -> int | None:
    """Return the most bytes of memory that this process ever had, None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
