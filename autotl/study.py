"""The Optuna study of a search: what to try next, and what is remembered between runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import optuna

from autotl.candidate import Candidate, TrialRecord
from autotl.database import Connection, address, explained
from autotl.errors import RunError
from autotl.proposals import SearchSpace
from autotl.space import Dimension, Value

_STARTUP = 8
_REPEATS = 25
_TELLING = 8  # complete trials, fewer of which tell nothing of importances
_RECIPE, _HANDED_BACK, _PROBE = "recipe", "handed_back", "probe"
_FOLLOWERS = {_PROBE, "continues", "repeats"}  # of these, nothing is to be tried again by itself


class Study:
    """One study with one writer: the parent process."""

    def __init__(self, path: Path, space: SearchSpace, *, metric: str, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        self._running: dict[int, optuna.Trial] = {}
        self._reported: dict[int, int] = {}
        self._held: list[tuple[int, Candidate]] = []
        self._set_aside: set[tuple[str, str]] = set()
        options = {"connect_args": {"factory": Connection}}
        self._path = path
        try:
            self._storage = optuna.storages.RDBStorage(address(path), engine_kwargs=options)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name="autotl",
                direction="minimize" if metric == "log_loss" else "maximize",
                load_if_exists=True,
                pruner=optuna.pruners.NopPruner(),  # `rungs` decide, for they can also go on with a paused trial
            )
        except Exception as error:
            if (words := explained(path, error)) is None:
                raise
            raise words from error

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, Exception) and (words := explained(self._path, error)):
            raise words from error

    def close(self) -> None:
        """Leave one whole file."""
        self._storage.engine.dispose()

    def recover(self, records: Iterable[TrialRecord]) -> list[int]:
        """Take up the trials that a killed run left open: told if they had ended, held for who asks again if not.

        Return the numbers of records that the study knows nothing of: a power cut took its last words.
        """
        ended = {record.number: record for record in records}
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state == optuna.trial.TrialState.RUNNING:
                self._reopen(trial, ended.get(trial.number))
        for recipe in self._left_out():
            self._queue(recipe, recipe=True)  # there may be more time now
        begun = {trial.number for trial in trials if trial.state != optuna.trial.TrialState.WAITING}
        return [number for number in ended if number not in begun]

    def take(self, number: int) -> bool:
        """Go on with a trial that a killed run left open; return whether there is one of that number."""
        left = [held for held in self._held if held[0] != number]
        found = len(left) < len(self._held)
        self._held = left
        return found

    def begin_probe(self, backbone: str) -> tuple[int, Candidate] | None:
        """Open a trial for the probe of a backbone; None where a probe is no candidate of this search."""
        recipe = self._space.probe(backbone)
        if recipe is None:
            return None
        return self._open(recipe, {_PROBE: True, "backbone": backbone})

    def begin(self, order: Sequence[str] = ()) -> None:
        """Queue the candidates to try first, on the backbones in `order`; a study that had begun goes on."""
        self.settle(_PROBE)  # what it found is known, but a kill came before it was told
        others = [trial for trial in self._study.get_trials(deepcopy=False) if _PROBE not in trial.user_attrs]
        if all(_RECIPE in trial.user_attrs for trial in others):
            for recipe in self._space.starts(order)[len(others) :]:
                self._queue(recipe, recipe=True)

    def settle(self, why: str = "") -> None:
        """Close the trials that a killed run left open and nobody asks for again: those with an attribute, or all."""
        for number, _ in list(self._held):
            if not why or why in self._running[number].user_attrs:
                self.take(number)
                self._running.pop(number)
                self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def has_others(self, kind: str, part: str) -> bool:
        """Return whether another part of a kind may still be proposed."""
        names = {
            "backbone": self._space.anatomies,
            "head": self._space.heads,
            "augmentation": self._space.augmentations,
        }
        return any(name != part and (kind, name) not in self._set_aside for name in names[kind])

    def set_aside(self, kind: str, part: str) -> None:
        """Propose no candidate with this part any more."""
        self._set_aside.add((kind, part))

    def ask(self, tried: dict[str, TrialRecord]) -> tuple[int, Candidate] | None:
        """Return the next candidate and the number of its trial; None when nothing new is left to try.

        A candidate in `tried` (by key) is not run again: its score is told at once.
        """
        for _ in range(_REPEATS):
            number, candidate = self._ask()
            before = tried.get(candidate.key())
            if any(
                (kind, getattr(candidate, kind)) in self._set_aside for kind in ("backbone", "head", "augmentation")
            ):
                self._study.tell(number, state=optuna.trial.TrialState.PRUNED)
            elif before is not None:
                self._tell(number, before)
            else:
                return number, candidate
        return None

    def again(self, number: int, **why: int) -> tuple[int, Candidate]:
        """Open a trial with the values of an earlier one; `why` is kept with it: continues=N or repeats=N."""
        earlier = self._study.get_trials(deepcopy=False)[number]
        opened, candidate = self._open(earlier.params, why)
        if "continues" in why:
            for epoch, score in earlier.intermediate_values.items():
                self.report(opened, epoch, score)
        return opened, candidate

    def hand_back(self, number: int) -> None:
        """Note that a proposal does not fit into the time; one of our own recipes is queued when the run goes on."""
        self._running.pop(number).set_user_attr(_HANDED_BACK, True)
        self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def is_recipe(self, number: int) -> bool:
        """Return whether a running trial is one of our own recipes, not a proposal of the sampler."""
        return _RECIPE in self._running[number].user_attrs

    def report(self, number: int, epoch: int, score: float) -> None:
        """Note the best score up to an epoch."""
        if epoch > self._reported.get(number, 0):  # a trial that is tried once more repeats its first epochs
            self._running[number].report(score, epoch)
            self._reported[number] = epoch

    def tell(self, record: TrialRecord) -> None:
        """Note how a trial ended."""
        trial = self._running.pop(record.number)
        trial.set_user_attr("unfrozen_layers", record.candidate.unfrozen_layers)
        trial.set_user_attr("image_size", record.candidate.image_size)
        trial.set_user_attr("seed", record.candidate.seed)
        trial.set_user_attr("seconds", round(record.seconds, 3))
        if record.reason:
            trial.set_user_attr("reason", record.reason)
        self._tell(record.number, record)

    def importances(self) -> dict[str, float]:
        """Return what share of the scores' spread each dimension explains, the largest first, by fANOVA.

        Only dimensions that every trained trial draws are told, and nothing where too few trials are complete.
        """
        complete = self._study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
        trained = [trial for trial in complete if _PROBE not in trial.user_attrs]  # probes know no rates
        if len(trained) < _TELLING:
            return {}
        study = optuna.create_study(direction=self._study.direction)
        study.add_trials(trained)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError):  # all scores are the same
            return {}
        return {name: float(share) for name, share in found.items() if math.isfinite(share)}

    def _queue(self, values: dict[str, Any], *, recipe: bool) -> None:
        self._study.enqueue_trial(values, user_attrs={_RECIPE: True} if recipe else None, skip_if_exists=False)

    def _left_out(self) -> list[dict[str, Any]]:
        """Return our own recipes that were handed back and have not run since."""
        trials = self._study.get_trials(deepcopy=False)
        back = [trial.params for trial in trials if {_RECIPE, _HANDED_BACK} <= trial.user_attrs.keys()]
        ran = [trial.params for trial in trials if trial.state.is_finished() and trial.state.name != "FAIL"]
        return [values for place, values in enumerate(back) if values not in [*ran, *back[:place]]]

    def _open(self, values: dict[str, Any], why: dict[str, Any]) -> tuple[int, Candidate]:
        """Open a trial with these values at once, before all that is queued; a killed run may have done so already."""
        for number, candidate in self._held:
            if why.items() <= self._running[number].user_attrs.items():
                self.take(number)
                return number, candidate
        waiting = self._study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING])
        if not any(why.items() <= trial.user_attrs.items() for trial in waiting):
            self._study.enqueue_trial(values, user_attrs=why, skip_if_exists=False)
        while True:
            number, candidate = self._draw()
            if why.items() <= self._running[number].user_attrs.items():
                return number, candidate
            self._held.append((number, candidate))  # Optuna gives what was queued in its order

    def _ask(self) -> tuple[int, Candidate]:
        for number, candidate in self._held:
            if not _FOLLOWERS & self._running[number].user_attrs.keys():
                self.take(number)
                return number, candidate
        return self._draw()

    def _draw(self) -> tuple[int, Candidate]:
        self._seed_sampler(len(self._study.get_trials(deepcopy=False)))
        return self._drawn(self._study.ask())

    def _reopen(self, trial: optuna.trial.FrozenTrial, record: TrialRecord | None) -> None:
        if _HANDED_BACK in trial.user_attrs:
            self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            return
        self._seed_sampler(trial.number)  # what was not drawn yet is drawn as it would have been
        held = self._drawn(optuna.Trial(self._study, trial._trial_id), before=trial)
        self._reported[trial.number] = max(trial.intermediate_values, default=0)
        if record is None:
            self._held.append(held)
        else:
            self.tell(record)

    def _seed_sampler(self, number: int) -> None:
        """Give each trial a fresh seed, from its number: a resumed study proposes what an unbroken one would have."""
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed * 100_003 + number) % 2**32, n_startup_trials=_STARTUP, multivariate=True, group=False
        )

    def _drawn(self, trial: optuna.Trial, before: optuna.trial.FrozenTrial | None = None) -> tuple[int, Candidate]:
        """Draw what a trial lacks; a kill may have come `before` all of it was drawn."""

        def draw(name: str, dimension: Dimension) -> Value:
            if before is not None and name in before.params and name not in trial.relative_params:
                # the next values come out as they would have only if this one is drawn, too
                self._study.sampler.sample_independent(self._study, before, name, before.distributions[name])
            return dimension.suggest(name, trial)

        try:
            candidate = self._space.candidate(draw)
        except ValueError as error:
            raise RunError(
                f"The study does not fit the parts installed now ({error}). Install the plugins it began with, "
                "or start a new search with --out."
            ) from error
        self._running[trial.number] = trial
        return trial.number, candidate

    def _tell(self, number: int, record: TrialRecord) -> None:
        self._running.pop(number, None)
        if record.state == "complete" and record.score is not None:
            self._study.tell(number, record.score)
        elif record.state == "pruned":
            self._study.tell(number, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(number, state=optuna.trial.TrialState.FAIL)
