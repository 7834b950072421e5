"""The whole road of a search: settings and data in, run folder and SearchResult out."""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from autotl import config as settings_room
from autotl.candidate import Anatomy, TrialRecord, anatomy_from
from autotl.conductor import Conductor
from autotl.config import SearchConfig
from autotl.data import Dataset, load
from autotl.errors import RunError, WeightsError
from autotl.events import BackboneResolved, Note, Progress, SearchBegan, SearchEnded, Watcher, silent
from autotl.lineup import WITHOUT_WEIGHTS, default_backbones, image_size
from autotl.plugins import Catalogue, catalogue
from autotl.proposals import SearchSpace, narrow
from autotl.result import RunFolder, SearchResult, write_whole
from autotl.runlog import RunLog
from autotl.space import Value
from autotl.study import Study
from autotl.workers import Lost, Pool
from autotl.workers.pool import gpus

# what may differ when a run goes on: none of it changes what a trial gives
_MAY_CHANGE = {"seconds", "trials", "workers", "memory", "epoch_timeout", "cache", "cache_quota"}


def search(
    data: str | Path,
    *,
    out: str | Path | None = None,
    time: str | float | None = None,
    watcher: Watcher = silent,
    **settings: Any,
) -> SearchResult:
    """Search for the best model on labelled pictures and return what was found.

    `data` is a folder or a CSV, `out` the run folder, `time` a budget such as "10m"; `settings` are those of
    `SearchConfig`. The same call again goes on with the same run. Raises AutotlError in one line.
    """
    asked = dict(settings, data=str(data))
    if time is not None:
        asked["seconds"] = settings_room.read_seconds(time)
    elif settings.get("trials") is None and settings.get("seconds") is None:
        asked["seconds"] = settings_room.DEFAULT_SECONDS
    if out is None:
        return run(_in_free_folder(asked), watcher)
    return run(settings_room.make(out=str(out), **asked), watcher)


def run(config: SearchConfig, watcher: Watcher = silent) -> SearchResult:
    """Run a search from checked settings; a run folder of the same settings goes on where it was."""
    began = clock.monotonic()
    parts = catalogue([Path(file) for file in config.plugins], config.without)
    chosen = {"backbone": config.backbones, "head": config.heads, "augmentation": config.augmentations}
    names, pins = narrow(parts, config.pins, chosen)
    folder = RunFolder(Path(config.out))
    _check_same(folder, config)
    with _owned(folder), RunLog(folder.log, began) as log:
        tell = log.also(watcher)
        dataset = _read(config, tell)
        _check_data(folder, dataset)
        count = config.workers or max(gpus(), 1)
        memory = config.memory * 2**20 if config.memory else None
        write_whole(folder.config, config.to_toml())
        write_whole(folder.dataset, dataset.to_json())
        pool = Pool(count, folder.path, memory=memory, silence=config.epoch_timeout)
        try:
            pool.begin({"run": str(folder.path)})
            records = folder.records()
            tell(SearchBegan(config, dataset, str(folder.path), tuple(records)))
            for failure in parts.failures:
                tell(Note(f"The plugin {failure.plugin!r} is left out: {failure.reason}", warning=True))
            anatomies = _line_up(pool, parts, names["backbone"], config, dataset, tell)
            space = _space(parts, names, pins, anatomies, config)
            result = _conduct(pool, folder, space, config, records, log, tell)
        finally:
            pool.close()
        tell(SearchEnded(result))
        return result


def _conduct(
    pool: Pool,
    folder: RunFolder,
    space: SearchSpace,
    config: SearchConfig,
    records: list[TrialRecord],
    log: RunLog,
    tell: Watcher,
) -> SearchResult:
    study = Study(folder.study, space, metric=config.metric, seed=config.seed)
    study.recover(records)
    study.begin(space.starts(list(space.anatomies)))
    conductor = Conductor(pool, study, folder, config, records, log.elapsed, tell)
    new = conductor.run_trials()
    if new or not folder.metrics.is_file():
        conductor.finish()
    return SearchResult(folder.path)


def _space(
    parts: Catalogue,
    names: dict[str, tuple[str, ...]],
    pins: dict[str, Value],
    anatomies: dict[str, Anatomy],
    config: SearchConfig,
) -> SearchSpace:
    heads = {name: parts.head(name).space for name in names["head"]}
    augmentations = {name: parts.augmentation(name).space for name in names["augmentation"]}
    return SearchSpace(anatomies, heads, augmentations, pins, config.epochs)


def _line_up(
    pool: Pool,
    parts: Catalogue,
    asked: tuple[str, ...],
    config: SearchConfig,
    dataset: Dataset,
    tell: Watcher,
) -> dict[str, Anatomy]:
    """Have every backbone built once; return those that can be used, best published accuracy first.

    Raises WeightsError when none is left that the user wanted.
    """
    names = asked or default_backbones(parts)
    found, problems = _resolve(pool, parts, names, config, dataset, tell)
    if not found and not asked:
        tell(
            Note(
                "No pretrained weights could be had, so the search uses 'scattering', a small network whose filters "
                "are made by formula. Pretrained weights usually give far better models: see `--weights`.",
                warning=True,
            )
        )
        found, problems = _resolve(pool, parts, (WITHOUT_WEIGHTS,), config, dataset, tell)
    if not found:
        raise WeightsError("No backbone can be used. " + " ".join(problems))
    return dict(sorted(found.items(), key=lambda item: -(parts.backbone(item[0]).top1 or 0.0)))


def _resolve(
    pool: Pool,
    parts: Catalogue,
    names: tuple[str, ...],
    config: SearchConfig,
    dataset: Dataset,
    tell: Watcher,
) -> tuple[dict[str, Anatomy], list[str]]:
    waiting = list(dict.fromkeys(names))
    running: dict[int, str] = {}
    found: dict[str, Anatomy] = {}
    problems: list[str] = []
    while waiting or running:
        for place in pool.idle()[: len(waiting)]:
            name = waiting.pop(0)
            running[place] = name
            size = image_size(parts.backbone(name), config, dataset)
            pool.give(place, {"do": "anatomy", "backbone": name, "image_size": size})
        for place, message in pool.listen(0.1):
            if isinstance(message, dict) and message["say"] == "progress":
                tell(Progress(message["what"], message["done"], message["total"]))
                continue
            name = running.pop(place)
            pool.free(place)
            if isinstance(message, dict) and message["say"] == "done":
                anatomy = anatomy_from(message["anatomy"])
                found[name] = anatomy
                row = (anatomy.weights, anatomy.image_size, anatomy.layers, anatomy.parameters)
                tell(BackboneResolved(name, *row))
            else:
                reason = message.reason if isinstance(message, Lost) else str(message["reason"])
                problems.append(reason)
                tell(BackboneResolved(name, config.weights.get(name, ""), 0, 0, 0, problem=reason))
    return found, problems


def _read(config: SearchConfig, tell: Watcher) -> Dataset:
    def on_progress(done: int, total: int) -> None:
        tell(Progress("Reading pictures", done, total))

    return load(
        config.data,
        valid_split=config.valid_split,
        test_split=config.test_split,
        seed=config.seed,
        on_progress=on_progress,
    )


def _in_free_folder(asked: dict[str, Any]) -> SearchConfig:
    """Return the settings with the first default run folder that is free, or that holds this very search."""
    base = settings_room.default_out(asked["data"])
    for count in range(1, 10_000):
        out = base if count == 1 else base.with_name(f"{base.name}-{count}")
        config = settings_room.make(out=str(out), **asked)
        if not out.exists() or not _differences(RunFolder(out), config):
            return config
    raise RunError(f"All run folders from {base} on are taken. Name one with --out.")


def _differences(folder: RunFolder, config: SearchConfig) -> list[str]:
    if not folder.config.is_file():
        return [] if not folder.path.exists() or not any(folder.path.iterdir()) else ["it is not a run folder"]
    before = settings_room.from_toml(folder.config.read_text("utf-8")).model_dump()
    now = config.model_dump()
    return [
        f"{name} was {before[name]!r} and is {now[name]!r}"
        for name in now
        if name not in _MAY_CHANGE | {"out"} and before[name] != now[name]
    ]


def _check_same(folder: RunFolder, config: SearchConfig) -> None:
    different = _differences(folder, config)
    if different:
        raise RunError(
            f"The folder {folder.path} cannot hold this search: {'; '.join(different)}. "
            "Name another folder with --out, or repeat the search as it was."
        )


def _check_data(folder: RunFolder, dataset: Dataset) -> None:
    if not folder.dataset.is_file() or not folder.study.is_file():
        return
    before = json.loads(folder.dataset.read_text("utf-8"))["fingerprint"]
    if before != dataset.fingerprint:
        raise RunError(
            f"The pictures in {dataset.root} have changed since the search in {folder.path} began. "
            "Start a new one with --out."
        )


@contextmanager
def _owned(folder: RunFolder) -> Iterator[None]:
    """Hold a run folder alone; raises RunError naming the process that holds it already."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"The run folder {folder.path} cannot be made: {error.strerror}.") from error
    lock, owner = FileLock(folder.path / ".lock"), folder.path / ".owner"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = owner.read_text("utf-8") if owner.is_file() else "unknown"
        raise RunError(
            f"Another search (process {other}) is at work in {folder.path}. Wait for it, or name another --out."
        ) from None
    try:
        owner.write_text(str(os.getpid()), "utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
