"""The whole road of a search: settings and data in, run folder and SearchResult out."""

from __future__ import annotations

import shlex
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autotl import config as settings_room
from autotl import limits, origin, suspects
from autotl.agenda import Agenda
from autotl.budget import Budget
from autotl.candidate import Anatomy
from autotl.conductor import Conductor
from autotl.config import SearchConfig
from autotl.costs import Costs, Pictures
from autotl.data import Dataset, load
from autotl.errors import RunError
from autotl.events import Note, Progress, SearchBegan, SearchEnded, Watcher, silent
from autotl.faults import outage
from autotl.folder import RunFolder, write_whole
from autotl.interrupt import Interrupt
from autotl.lineup import LineUp
from autotl.origin import Origin
from autotl.plugins import Catalogue, catalogue
from autotl.prober import Prober, best_first, to_try
from autotl.proposals import SearchSpace, narrow
from autotl.result import SearchResult
from autotl.resume import check_data, check_same, in_free_folder, owned
from autotl.runlog import RunLog
from autotl.space import Value
from autotl.study import Study
from autotl.workers import Pool
from autotl.workers.pool import gpus


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
    asked = dict(settings, data=str(data), out=str(out or ""))
    if time is not None:
        asked["seconds"] = settings_room.read_seconds(time)
    config = settings_room.make(**settings_room.with_preset(asked))
    return run(config if out else in_free_folder(config), watcher)


def run(config: SearchConfig, watcher: Watcher = silent) -> SearchResult:
    """Run a search from checked settings; a run folder of the same settings goes on where it was."""
    began = clock.monotonic()
    parts = catalogue([Path(file) for file in config.plugins], config.without)
    names, pins = _check_names(parts, config)
    folder = RunFolder(Path(config.out))
    check_same(folder, config)
    dataset = _read(config, watcher)
    check_data(folder, dataset)
    taking_part = [f"{kind} {name}" for kind in ("head", "augmentation") for name in names[kind]]
    began_with = origin.begin(folder, config, dataset, parts, taking_part)
    with _told_in_words(folder), owned(folder), RunLog(folder.log, began) as log:
        tell = log.also(watcher)
        write_whole(folder.config, config.to_toml())
        write_whole(folder.dataset, dataset.to_json())
        began_with.save(folder)
        records = folder.records()
        tell(SearchBegan(config, dataset, str(folder.path), tuple(records), log.elapsed()))
        for failure in parts.failures:
            tell(Note(f"The plugin {failure.plugin!r} is left out: {failure.reason}", warning=True))
        origin.tell_versions(began_with, tell)
        names = origin.same_parts(began_with, names, tell)
        if folder.is_finished(len(records)) and Budget(config, log.elapsed).spent(records):
            tell(Note("This search has ended already. Give it more --time or --trials to go on."))
        else:
            _with_workers(folder, config, dataset, parts, began_with, names, pins, log, tell)
        result = SearchResult(folder.path)
        _report(result, tell)
        tell(SearchEnded(result))
        return result


def _report(result: SearchResult, tell: Watcher) -> None:
    """Write the page and the card of a run; no search fails for want of them."""
    from autotl.report.page import write

    try:
        write(result)
    except Exception as error:
        again = shlex.quote(str(result.run))
        tell(Note(f"The report could not be written: {error} To try again: autotl report {again}", warning=True))


@contextmanager
def _told_in_words(folder: RunFolder) -> Iterator[None]:
    """Raise RunError in place of what a disk says."""
    try:
        yield
    except OSError as error:
        fault = outage(error, folder.path)
        if fault:
            raise RunError(fault) from error
        raise


def _with_workers(
    folder: RunFolder,
    config: SearchConfig,
    dataset: Dataset,
    parts: Catalogue,
    began_with: Origin,
    names: dict[str, tuple[str, ...]],
    pins: dict[str, Value],
    log: RunLog,
    tell: Watcher,
) -> None:
    memory = config.memory * 2**20 if config.memory else None
    pool = Pool(config.workers or max(gpus(), 1), folder.path, memory=memory, silence=config.epoch_timeout)
    try:
        pool.begin({"run": str(folder.path)})
        anatomies = LineUp(pool, parts, config, dataset, tell, folder.measured()).find(names["backbone"])
        anatomies = origin.same_backbones(began_with, folder, anatomies, parts, tell)
        folder.save_footprints({name: anatomy.footprint for name, anatomy in anatomies.items()})
        anatomies = limits.within(anatomies, config, tell)
        budget, costs = Budget(config, log.elapsed), _costs(anatomies, parts, dataset, config)
        space = _space(parts, names, pins, anatomies, config)
        for text in space.snapped():
            tell(Note(text, warning=True))
        stop = Interrupt(tell)
        with stop.heeded(), Study(folder.study, space, metric=config.metric, seed=config.seed) as study:
            for number in study.recover(folder.records()):
                folder.forget(number)
            prober = Prober(
                pool, study, folder, config, len(dataset.indices("train", "valid")), log.elapsed, tell, stop
            )
            probes = prober.probe(anatomies) if config.probe else []
            costs.ms.update({probe.backbone: probe.ms for probe in probes if probe.ms is not None})
            if any(probe.score is not None for probe in probes):
                suspects.look(pool, folder, best_first(probes, anatomies, config.metric)[0], tell)
            study.begin(to_try(probes, anatomies, config.metric))
            agenda = Agenda(study, folder, config, budget, costs, tell, len(pool.idle()))
            conductor = Conductor(pool, agenda, tell, stop)
            conductor.run_trials()
            if not folder.is_finished(len(agenda.records)):
                conductor.finish()
    finally:
        pool.close()


def _check_names(parts: Catalogue, config: SearchConfig) -> tuple[dict[str, tuple[str, ...]], dict[str, Value]]:
    for name in config.weights:
        parts.backbone(name)  # raises UnknownPart with the near miss
    chosen = {"backbone": config.backbones, "head": config.heads, "augmentation": config.augmentations}
    return narrow(parts, config.pins, chosen)


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


def _costs(anatomies: dict[str, Anatomy], parts: Catalogue, dataset: Dataset, config: SearchConfig) -> Costs:
    counts = {split: len(dataset.indices(split)) for split in ("train", "valid", "test")}
    idle = frozenset(name for name in parts.names("augmentation") if parts.augmentation(name).idle)
    return Costs(anatomies, Pictures(**counts), config.views, idle)


def _read(config: SearchConfig, tell: Watcher) -> Dataset:
    def on_progress(done: int, total: int) -> None:
        tell(Progress("Reading pictures", done, total))

    return load(
        config.data,
        valid_split=config.valid_split,
        test_split=config.test_split,
        seed=config.seed,
        keep_duplicates=config.keep_duplicates,
        max_megapixels=config.max_megapixels,
        on_progress=on_progress,
    )
