"""A peer of the race: AutoKeras's ImageClassifier, which chooses its own networks, on arrays of the same pictures.

It cannot be told which backbones to use, and fetches the weights of some of its networks from the internet.
"""

from __future__ import annotations

import numpy as np
from clock import Race, run, watcher

PATIENCE = 3


def search(race: Race) -> None:
    """Let AutoKeras try networks until the time is up."""
    import autokeras
    import keras

    keras.utils.set_random_seed(race.options.seed)
    classifier = autokeras.ImageClassifier(
        max_trials=1000,
        objective="val_accuracy",
        overwrite=True,
        directory=race.options.scratch,
        seed=race.options.seed or None,
    )
    try:
        classifier.fit(
            race.train.pixels.astype(np.float32),
            race.train.labels,
            validation_data=(race.valid.pixels.astype(np.float32), race.valid.labels),
            epochs=race.options.epochs,
            callbacks=[watcher(race), keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE)],
            verbose=0,
        )
    finally:
        trials = classifier.tuner.oracle.trials.values()
        failed = [trial.message for trial in trials if trial.message]
        fetched = sum("URL fetch failure" in message for message in failed)
        if failed:
            race.note(f"{len(failed)} of {len(trials)} trials failed, {fetched} for weights that could not be fetched")


if __name__ == "__main__":
    run(__doc__, search)
