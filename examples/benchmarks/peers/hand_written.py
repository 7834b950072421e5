"""A peer of the race: the search that one would write by hand with Optuna and Keras, after the articles.

Decoded pictures are kept in memory, the first trial is a sound default on a frozen network, then Optuna proposes
(TPE), MedianPruner stops losing trials, training stops early, and the best epoch of all trials is kept.
"""

from __future__ import annotations

import gc
from typing import Any

from clock import Race, run, watcher


def search(race: Race) -> None:
    """Run trials until the time is up."""
    import keras
    import optuna
    import recipe as recipes

    valid = recipes.plain_batches(race.valid)
    best: list[Any] = []  # the weights of the best model so far

    def objective(trial: optuna.Trial) -> float:
        recipe = recipes.Recipe(
            base=trial.suggest_categorical("base", race.options.backbones),
            unfrozen=trial.suggest_int("unfrozen", *recipes.UNFROZEN[:2], step=recipes.UNFROZEN[2]),
            units=trial.suggest_int("units", *recipes.UNITS, log=True),
            dropout=trial.suggest_float("dropout", *recipes.DROPOUT),
            learning_rate=trial.suggest_float("learning_rate", *recipes.RATE, log=True),
            augment=trial.suggest_categorical("augment", [False, True]),
            batch_size=trial.suggest_categorical("batch_size", recipes.BATCHES),
        )
        keras.backend.clear_session()
        gc.collect()

        def judge(epoch: int, logs: dict[str, float], model: Any, improved: bool) -> None:
            if improved:
                best[:] = model.get_weights()
            trial.report(logs["val_accuracy"], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        history = recipes.build(recipe, race.options.size, len(race.train.classes)).fit(
            recipes.batches(race.train, recipe, race.options.seed),
            validation_data=valid,
            epochs=race.options.epochs,
            callbacks=[
                watcher(race, judge),
                keras.callbacks.EarlyStopping(monitor="val_loss", patience=recipes.PATIENCE),
            ],
            verbose=0,
        )
        return max(history.history["val_accuracy"])

    keras.utils.set_random_seed(race.options.seed)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=race.options.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    study.enqueue_trial(
        {
            "base": race.options.backbones[0],
            "unfrozen": 0,
            "units": 256,
            "dropout": 0.2,
            "learning_rate": 1e-3,
            "augment": False,
            "batch_size": 32,
        }
    )
    while race.clock.left():  # Optuna's clock runs while ours stands still, so there may be time left
        study.optimize(objective, timeout=race.clock.left())


if __name__ == "__main__":
    run(__doc__, search)
