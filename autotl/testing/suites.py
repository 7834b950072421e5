"""The suites: one class for each kind of part; each check's docstring says what is demanded.

A check needs the fixture `part` and nothing else. Networks are built with random weights and for small pictures,
so that a suite takes seconds on a CPU.
"""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from autotl.errors import WeightsError
from autotl.parts import Augmentation, Backbone, Exporter, Head, Part, Tolerance
from autotl.space import Choice, Float, Int
from autotl.testing.materials import (
    CLASSES,
    NAMES,
    Array,
    assembled,
    demand,
    first_values,
    inference,
    numbers,
    options,
    reloaded,
    same,
    small_model,
    some_features,
    some_pictures,
    written,
)


class PartSuite:
    """What is demanded of every part."""

    def test_name(self, part: Part) -> None:
        """The name is lower-case letters, digits, `_`, `.` and `-`: a user types it."""
        name = getattr(part, "name", None)
        demand(
            isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name) is not None,
            f"The name {name!r} is not made of lower-case letters, digits, '_', '.' and '-'.",
        )

    def test_space(self, part: Part) -> None:
        """The space maps names to Int, Float or Choice, and each default can be read back."""
        for name, dimension in part.space.items():
            demand(name.isidentifier(), f"The dimension {name!r} is not a keyword.")
            known = isinstance(dimension, Int | Float | Choice)
            demand(
                known, f"The dimension {name!r} is {dimension!r}; expected autotl.Int, autotl.Float or autotl.Choice."
            )
            first = dimension.first()
            demand(json.loads(json.dumps(first)) == first, f"The default {first!r} of {name!r} is not plain data.")
            demand(dimension.read(first, name) == first, f"The default {first!r} of {name!r} is not in its range.")

    def test_keywords(self, part: Part) -> None:
        """The keywords of `build` are the keys of the space (and `weights` for a backbone)."""
        if isinstance(part, Exporter):
            return
        parameters = inspect.signature(part.build).parameters.values()  # type: ignore[attr-defined]
        keywords = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
        wanted = set(part.space) | ({"weights"} if isinstance(part, Backbone) else set())
        demand(
            keywords == wanted,
            f"`build` takes the keywords {sorted(keywords)}, but the space has {sorted(wanted)}. "
            "Write them after a `*`, one for each dimension.",
        )


class BackboneSuite(PartSuite):
    """What is demanded of a backbone."""

    def test_facts(self, part: Backbone) -> None:
        """Sizes are positive, top-1 is a fraction, and "random" is not its own word for weights."""
        demand(0 < part.min_size <= part.image_size, f"0 < {part.min_size=} <= {part.image_size=} must hold.")
        demand(part.top1 is None or 0 < part.top1 < 1, f"{part.top1=} is not a fraction.")
        demand(part.parameters is None or part.parameters > 0, f"{part.parameters=} is not a number of weights.")
        word = isinstance(part.weights, str) and part.weights not in ("", "random")
        demand(word, f"{part.weights=} must be a word of its own: what it is when not random.")

    def test_feature_map(self, part: Backbone) -> None:
        """Pixels from 0 to 255 become a finite map `(batch, rows, columns, channels)` that differs by picture."""
        model, pictures = self.model(part), self.pictures(part)
        features = inference(model, pictures)
        demand(features.ndim == 4 and len(features) == len(pictures), f"The features have the shape {features.shape}.")
        demand(0 not in features.shape, f"Pictures of {pictures.shape[1]} pixels leave no features: {features.shape}.")
        demand(bool(np.isfinite(features).all()), "Some features are not finite.")
        demand(not np.array_equal(features[0], features[1]), "Two different pictures have the same features.")

    def test_cuts(self, part: Backbone) -> None:
        """The model is functional, can be cut between its input and its output, and has no layer that trains itself."""
        import keras

        from autotl.transfer.cuts import find, inline

        model = self.model(part)
        demand(
            hasattr(model, "_nodes_by_depth"), "It is not a functional model: build it with keras.Model(input, output)."
        )
        flat = inline(model)
        demand(len(find(flat)) > 2, "There is no place inside where a single tensor crosses, so it cannot be cut.")
        for layer in flat.layers:
            nested = isinstance(layer, keras.Model)
            demand(not nested, f"The layer {layer.name!r} is a model, but not a functional one, and cannot be cut.")
            leaks = "BaseImagePreprocessingLayer" in [each.__name__ for each in type(layer).__mro__]
            demand(not leaks, f"The layer {layer.name!r} ({type(layer).__name__}) switches to training mode by itself.")

    def test_pieces(self, part: Backbone) -> None:
        """Run from the pictures piece by piece, as a search runs it, it gives the same features."""
        from autotl.transfer.features import run
        from autotl.transfer.network import Network

        pictures = self.pictures(part)
        network = Network.build(part, self.size(part), "random", **first_values(part))
        (made,) = run(network.runner(network.pixels, [network.tap(network.cuts[0])]), pictures, len(pictures))
        same(made, inference(network.model, pictures), "What a search computes", 1e-4)

    def test_saved(self, part: Backbone) -> None:
        """Saved as `.keras` and loaded by plain Keras, it gives the same features."""
        model, pictures = self.model(part), self.pictures(part)
        same(inference(reloaded(model), pictures), inference(model, pictures), "The reloaded model")

    def test_weights_of_a_file(self, part: Backbone) -> None:
        """`weights=PATH` takes what `save_weights` wrote."""
        model, pictures = self.model(part), self.pictures(part)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "some.weights.h5"
            model.save_weights(file)
            again = part.build(model.input_shape[1], weights=str(file), **first_values(part))
        same(inference(again, pictures), inference(model, pictures), "The model with the weights of the file")

    def test_missing_weights(self, part: Backbone) -> None:
        """A file that is not there is a WeightsError, in one line that names it."""
        try:
            part.build(self.size(part), weights="no-such-file.weights.h5", **first_values(part))
        except WeightsError as error:
            text = str(error)
            demand(
                "no-such-file" in text and "\n" not in text, f"The message does not name the file in one line: {text}"
            )
        else:
            raise AssertionError("The missing file no-such-file.weights.h5 was not noticed.")

    def model(self, part: Backbone) -> Any:
        """Build with random weights, always the same ones."""
        import keras

        keras.utils.set_random_seed(7)
        return part.build(self.size(part), weights="random", **first_values(part))

    def size(self, part: Backbone) -> int:
        """Return a side that is quick: the smallest it claims to take."""
        return part.min_size

    def pictures(self, part: Backbone) -> Array:
        """Return three pictures: noise, a ramp and black."""
        return some_pictures(self.size(part))


class HeadSuite(PartSuite):
    """What is demanded of a head."""

    def test_logits(self, part: Head) -> None:
        """Any feature map becomes one finite number a class, with every option of its choices."""
        for shape in ((4, 4, 8), (1, 1, 6), (3, 5, 4)):
            for values in options(part):
                logits = inference(assembled(part, shape, values), some_features(shape))
                wanted = (len(some_features(shape)), CLASSES)
                demand(logits.shape == wanted, f"{values}: the output has the shape {logits.shape}, expected {wanted}.")
                demand(bool(np.isfinite(logits).all()), f"{values}: some logits are not finite.")

    def test_no_softmax(self, part: Head) -> None:
        """The output is logits: probabilities are made of them later."""
        logits = inference(assembled(part, (4, 4, 8)), 5 * some_features((4, 4, 8)))
        probable = (logits >= 0).all() and np.allclose(logits.sum(axis=-1), 1, atol=1e-4)
        demand(not probable, "The output sums to 1 for each picture: leave out the softmax.")

    def test_saved(self, part: Head) -> None:
        """Saved as `.keras` and loaded by plain Keras, it gives the same logits, with every option."""
        for values in options(part):
            model, features = assembled(part, (4, 4, 8), values), some_features((4, 4, 8))
            same(inference(reloaded(model), features), inference(model, features), f"{values}: the reloaded model")

    def test_learns(self, part: Head) -> None:
        """A few training steps lower the loss."""
        import keras

        model, features = assembled(part, (4, 4, 8)), some_features((4, 4, 8))
        labels = np.arange(len(features)) % CLASSES
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, jit_compile=False)
        before = float(loss(labels, model(features, training=False)))
        for _ in range(30):
            model.train_on_batch(features, labels)
        after = float(loss(labels, model(features, training=False)))
        demand(after < before, f"After 30 steps the loss is {after:.3f}, before it was {before:.3f}.")


class AugmentationSuite(PartSuite):
    """What is demanded of an augmentation."""

    def test_idle(self, part: Augmentation) -> None:
        """Called with `training=False`, it returns the pictures as they are."""
        pictures = some_pictures(32)
        for values in options(part):
            same(numbers(part.build(**values)(pictures, training=False)), pictures, f"{values}: the idle augmentation")

    def test_pictures(self, part: Augmentation) -> None:
        """In training it keeps shape and type, and pixels from 0 to 255, for batches of any length."""
        for values in options(part):
            layer = part.build(**values)
            for count in (3, 1):
                pictures = some_pictures(32)[:count]
                drawn = numbers(layer(pictures, training=True))
                demand(drawn.shape == pictures.shape, f"{values}: {pictures.shape} became {drawn.shape}.")
                demand(drawn.dtype == np.float32, f"{values}: float32 became {drawn.dtype}.")
                inside = bool(np.isfinite(drawn).all() and drawn.min() >= -1e-3 and drawn.max() <= 255.001)
                demand(inside, f"{values}: pixels from {drawn.min():.1f} to {drawn.max():.1f}, expected 0 to 255.")

    def test_input_kept(self, part: Augmentation) -> None:
        """The pictures it is given stay as they were: they are kept for other trials."""
        for values in options(part):
            pictures = some_pictures(32)
            part.build(**values)(pictures, training=True)
            same(pictures, some_pictures(32), f"{values}: the given array")

    def test_repeatable(self, part: Augmentation) -> None:
        """Built and called after `keras.utils.set_random_seed`, it draws the same again."""
        import keras

        for values in options(part):
            drawn = []
            for _ in range(2):
                keras.utils.set_random_seed(11)
                drawn.append(numbers(part.build(**values)(some_pictures(32), training=True)))
            same(drawn[1], drawn[0], f"{values}: the second draw with the same seed")


class ExporterSuite(PartSuite):
    """What is demanded of an exporter."""

    def test_suffix(self, part: Exporter) -> None:
        """The suffix begins with a dot."""
        demand(re.fullmatch(r"(\.\w+)+", part.suffix) is not None, f"The suffix {part.suffix!r} is not like '.keras'.")

    def test_precisions(self, part: Exporter) -> None:
        """Each precision is a word with an autotl.Tolerance, and there is at least one."""
        demand(bool(part.precisions), "It offers no precision.")
        for name, tolerance in part.precisions.items():
            demand(isinstance(tolerance, Tolerance), f"{name!r} has {tolerance!r}; expected an autotl.Tolerance.")

    def test_parity(self, part: Exporter) -> None:
        """What was written, loaded again, gives the probabilities of the model, in each precision."""
        model, pictures = small_model(), some_pictures(32)
        for precision, tolerance in part.precisions.items():
            with written(part, model, precision) as path:
                found = numbers(part.load(path)(pictures))
            wanted, what = inference(model, pictures), f"{precision}: the exported model"
            demand(found.shape == wanted.shape, f"{what} has the shape {found.shape}, expected {wanted.shape}.")
            gap = float(np.abs(found - wanted).max())
            demand(gap <= tolerance.difference, f"{what} differs by up to {gap:g}.")

    def test_pixels(self, part: Exporter) -> None:
        """The loaded model takes uint8 and float32 pixels, in batches of any length."""
        pictures = np.round(some_pictures(32))
        with written(part, small_model()) as path:
            load = part.load(path)
            whole = numbers(load(pictures))
            same(numbers(load(pictures.astype(np.uint8))), whole, "The answer for uint8", within=1e-4)
            same(numbers(load(pictures[1:2])), whole[1:2], "The answer for one picture alone", within=1e-4)

    def test_labels(self, part: Exporter) -> None:
        """The labels that it keeps are those it was given."""
        with written(part, small_model()) as path:
            labels = part.labels(path)
        demand(labels.get("classes", NAMES) == NAMES, f"The class names {NAMES} became {labels.get('classes')}.")
        demand(labels.get("image_size", [32, 32]) == [32, 32], f"The size [32, 32] became {labels.get('image_size')}.")

    def test_alone(self, part: Exporter) -> None:
        """It writes under any name with its suffix, over an older file, and leaves nothing else behind."""
        with written(part, small_model(), times=2) as path:
            left = sorted(each.name for each in path.parent.iterdir())
        demand(left == [path.name], f"The folder holds {left}, expected {[path.name]}.")
