"""The Optuna study of a search: what to try next, which trials to prune, what is remembered between runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import optuna

from autotl.candidate import Candidate, TrialRecord
from autotl.errors import RunError
from autotl.proposals import SearchSpace

_STARTUP = 8
_UNPRUNED = 4
_REPEATS = 25


class Study:
    """One study with one writer: the parent process."""

    def __init__(self, path: Path, space: SearchSpace, *, metric: str, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        self._running: dict[int, optuna.Trial] = {}
        self._reported: dict[int, int] = {}
        self._set_aside: set[tuple[str, str]] = set()
        self._study = optuna.create_study(
            storage=f"sqlite:///{path.resolve()}",
            study_name="autotl",
            direction="minimize" if metric == "log_loss" else "maximize",
            load_if_exists=True,
            # keeps the better half of those at the same epoch; the first trials, our own recipes, run to their
            # end, and none is judged before its unfrozen layers have moved for two epochs
            pruner=optuna.pruners.PercentilePruner(50.0, n_startup_trials=_UNPRUNED, n_warmup_steps=3),
        )

    def recover(self, records: Iterable[TrialRecord]) -> None:
        """Settle the trials that a killed run left open: told if they had ended, tried again if not."""
        ended = {record.number: record for record in records}
        for trial in self._study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            if trial.number in ended:
                self._tell(trial.number, ended[trial.number])
            else:
                self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
                self._study.enqueue_trial(trial.params, skip_if_exists=False)

    def begin(self) -> None:
        """Queue the candidates to try first, in a new study; an old one goes on where it was."""
        if not self._study.get_trials(deepcopy=False):
            for recipe in self._space.starts():
                self._study.enqueue_trial(recipe)

    def deepen(self, ended: int, best: str) -> None:
        """Queue deeper recipes on the backbone `best`, once, when the first candidates have `ended`."""
        if ended >= len(self._space.starts()) and not self._study.user_attrs.get("deepened"):
            self._study.set_user_attr("deepened", best)
            for recipe in self._space.deeper(best):
                self._study.enqueue_trial(recipe)

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

    def report(self, number: int, epoch: int, score: float) -> bool:
        """Note the score of an epoch; return whether the trial should be pruned."""
        trial = self._running[number]
        if epoch > self._reported.get(number, 0):  # a trial that is tried once more repeats its first epochs
            trial.report(score, epoch)
            self._reported[number] = epoch
        return bool(trial.should_prune())

    def tell(self, record: TrialRecord) -> None:
        """Note how a trial ended."""
        trial = self._running.pop(record.number)
        trial.set_user_attr("unfrozen_layers", record.candidate.unfrozen_layers)
        trial.set_user_attr("image_size", record.candidate.image_size)
        trial.set_user_attr("seconds", round(record.seconds, 3))
        if record.reason:
            trial.set_user_attr("reason", record.reason)
        self._tell(record.number, record)

    def _ask(self) -> tuple[int, Candidate]:
        # a fresh seed per trial, from its number: a resumed study proposes what an unbroken one would have
        number = len(self._study.get_trials(deepcopy=False))
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed * 100_003 + number) % 2**32, n_startup_trials=_STARTUP, multivariate=True, group=False
        )
        trial = self._study.ask()
        try:
            candidate = self._space.candidate(lambda name, dimension: dimension.suggest(name, trial))
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
