"""A search as plain lines, for pipes and log files: no escape codes, progress only where a step takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self

from autotl import events
from autotl.printable import printable
from autotl.report import words
from autotl.report.scene import Scene

PATIENCE = 10.0  # seconds of silence after which progress and epochs are told


class PlainView:
    """Writes a line for each thing worth knowing, with the seconds since the beginning in front."""

    def __init__(self, file: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._scene = Scene(began=clock())
        self._tenths: dict[str, int] = {}
        self._spoke = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()

    def __call__(self, event: events.Event) -> None:
        """Take one event and write the lines it is worth."""
        before = self._scene.best
        self._scene.take(event, self._clock())
        match event:
            case events.SearchBegan():
                self._began(event)
            case events.BackboneResolved():
                self._say(backbone(event))
            case events.Probed():
                self._say(probed(event, self._scene.metric))
            case events.Progress():
                self._progress(event)
            case events.TrialBegan():
                self._say(f"trial {event.number}: {_follows(event)}{words.recipe(event.candidate)}")
            case events.EpochEnded():
                self._epoch(event)
            case events.TrialEnded():
                self._trial(event, is_best=self._scene.best is not before)
            case events.Note():
                self._say(("warning: " if event.warning else "") + words.clean(event.text))
            case events.SearchEnded():
                self._say(f"done: {words.trials(self._scene.trained, self._scene.probed)}")

    def _say(self, line: str) -> None:
        now = self._clock()
        self._spoke = now
        print(f"[{words.span(round(now - self._scene.began)):>7}] {line}", file=self._file, flush=True)

    def _began(self, event: events.SearchBegan) -> None:
        self._say(words.pictures(event.dataset))
        for line in words.findings(event.dataset):
            self._say(f"data: {line}")
        metric = words.metric_name(event.config.metric)
        self._say(f"budget: {budget(event)}; metric: {metric}; run folder: {printable(event.run)}")
        if event.finished:
            self._say(f"resumed: {words.plural(len(event.finished), 'trial')} of an earlier run kept")

    def _progress(self, event: events.Progress) -> None:
        tenth = 10 * event.done // event.total if event.total else 10
        if tenth != self._tenths.get(event.what) and self._clock() - self._spoke >= PATIENCE:
            self._say(f"{words.clean(event.what)}: {10 * tenth}% ({event.done} of {event.total})")
        self._tenths[event.what] = tenth

    def _epoch(self, event: events.EpochEnded) -> None:
        if self._clock() - self._spoke < PATIENCE:
            return
        row = event.row
        told = f"epoch {row.get('epoch', 0):.0f} of {event.epochs}, score {words.score(row.get('score'))}"
        self._say(f"trial {event.number}: {told}, loss {words.score(row.get('loss'))}")

    def _trial(self, event: events.TrialEnded, *, is_best: bool) -> None:
        record = event.record
        if record.probe:
            return  # its own event has said it all
        if record.over or record.state == "failed":
            what = "not trained," if record.over else "failed:"
            self._say(f"trial {record.number} {what} {words.clean(record.reason)}")
            return
        name = words.metric_name(self._scene.metric)
        told = f"trial {record.number} {record.state}: {name} {words.score(record.score)}"
        told += f" in {words.span(record.seconds)}{', the best so far' if is_best else ''}"
        self._say(f"{told}; {words.clean(record.reason)}" if record.reason else told)


def _follows(event: events.TrialBegan) -> str:
    if event.continues is not None:
        return f"goes on with trial {event.continues}: "
    return "" if event.repeats is None else f"repeats trial {event.repeats} with seed {event.candidate.seed}: "


def budget(event: events.SearchBegan) -> str:
    """Return the budget in words."""
    limits = []
    if event.config.seconds is not None:
        limits.append(words.span(event.config.seconds))
    if event.config.trials is not None:
        limits.append(words.plural(event.config.trials, "trial"))
    return " or ".join(limits) or "none"


def backbone(event: events.BackboneResolved) -> str:
    """Return what became of a backbone, in one line."""
    if event.problem:
        return f"backbone {printable(event.backbone)} left out: {words.clean(event.problem)}"
    numbers = f"{event.image_size} px, {event.layers} layers, {words.count(event.parameters)} parameters"
    return f"backbone {printable(event.backbone)}: {numbers}, weights {printable(event.weights)}"


def probed(event: events.Probed, metric: str) -> str:
    """Return how a probe fared, in one line."""
    name = printable(event.backbone)
    if event.problem:
        return f"probe of {name}: {words.clean(event.problem)}"
    told = [
        f"{words.metric_name(metric)} {words.score(event.score)} cross-validated",
        f"neighbours {words.score(event.knn)}",
        f"validation {words.score(event.valid)}",
        f"{words.milliseconds(event.ms)} ms a picture",
    ]
    trial = "" if event.trial is None else f"; it is trial {event.trial}"
    return f"probe of {name}: {', '.join(told)}, in {words.span(event.seconds)}{trial}"
