"""What a worker can be asked to do: look at a backbone, run a trial, finish the winner."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotl.candidate import candidate_from, to_plain
from autotl.data.dataset import dataset_from
from autotl.folder import RunFolder
from autotl.plugins import catalogue
from autotl.transfer.features import OnProgress
from autotl.transfer.store import FeatureStore, default_root
from autotl.transfer.workshop import Workshop
from autotl.trial import Report, save_weights, train


@dataclass(frozen=True)
class Bench:
    """A run folder and the workshop that serves it."""

    folder: RunFolder
    workshop: Workshop


def open_bench(run: Path, on_progress: OnProgress) -> Bench:
    """Read a run folder and set up a workshop for it."""
    folder = RunFolder(run)
    config = folder.read_config()
    dataset = dataset_from(json.loads(folder.dataset.read_text("utf-8")))
    parts = catalogue([Path(file) for file in config.plugins], config.without)
    root = Path(config.cache) if config.cache else default_root()
    store = FeatureStore(root, int(config.cache_quota * 1e9))
    return Bench(folder, Workshop(config, dataset, parts, store, on_progress))


def anatomy(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Build a backbone with its weights and tell what it is."""
    network = bench.workshop.network(job["backbone"], job["image_size"])
    return {"say": "done", "anatomy": to_plain(network.anatomy())}


def trial(bench: Bench, job: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train a candidate, keep its best weights in the run folder, tell the rest."""
    candidate = candidate_from(job["candidate"])
    trained = train(bench.workshop, candidate, report, accumulate=job["accumulate"])
    save_weights(bench.folder.weights(job["number"]), trained.weights)
    return {
        "say": "done",
        "best_epoch": trained.best_epoch,
        "score": trained.score if math.isfinite(trained.score) else None,
        "metrics": trained.metrics,
        "history": trained.history,
    }


def finish(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """Assemble the winner, score it, write it."""
    from autotl.finish import finish as finish_winner

    metrics = finish_winner(bench.workshop, bench.folder, candidate_from(job["candidate"]), job["number"], job["score"])
    return {"say": "done", "metrics": metrics}
