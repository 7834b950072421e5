"""A peer of the race: KerasTuner's Hyperband over the same space as the hand-written search."""

from __future__ import annotations

from typing import Any

from clock import Race, run, watcher


def search(race: Race) -> None:
    """Run Hyperband, again and again, until the time is up."""
    import keras
    import keras_tuner
    import recipe as recipes

    valid = recipes.plain_batches(race.valid)

    class Space(keras_tuner.HyperModel):
        """The network of a choice, and the batches it is trained on."""

        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            return recipes.build(self.recipe(hp), race.options.size, len(race.train.classes))

        def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, **keywords: Any) -> Any:
            return model.fit(recipes.batches(race.train, self.recipe(hp), race.options.seed), **keywords)

        def recipe(self, hp: keras_tuner.HyperParameters) -> recipes.Recipe:
            low, high, step = recipes.UNFROZEN
            return recipes.Recipe(
                base=hp.Choice("base", race.options.backbones),
                unfrozen=hp.Int("unfrozen", low, high, step=step),
                units=hp.Int("units", *recipes.UNITS, sampling="log"),
                dropout=hp.Float("dropout", *recipes.DROPOUT),
                learning_rate=hp.Float("learning_rate", *recipes.RATE, sampling="log"),
                augment=hp.Boolean("augment"),
                batch_size=hp.Choice("batch_size", list(recipes.BATCHES)),
            )

    keras.utils.set_random_seed(race.options.seed)
    tuner = keras_tuner.Hyperband(
        Space(),
        objective="val_accuracy",
        max_epochs=race.options.epochs,
        factor=3,
        hyperband_iterations=1000,
        seed=race.options.seed,
        directory=race.options.scratch,
        project_name="hyperband",
        overwrite=True,
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=recipes.PATIENCE)
    tuner.search(validation_data=valid, callbacks=[watcher(race), stop], verbose=0)


if __name__ == "__main__":
    run(__doc__, search)
