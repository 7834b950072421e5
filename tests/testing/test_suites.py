"""The suites find what they are there to find: each part here breaks one clause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import autotl
from autotl.builtin.exporters import KerasExporter
from autotl.builtin.heads import Linear
from autotl.testing import CheckResult, run
from autotl.testing.checks import SUITES, check_names


def failed(part) -> dict[str, str]:
    """Return what went wrong, by check."""
    return {result.name: result.message for result in run(part) if not result.ok}


class Logits(autotl.Head):
    name = "mine"

    def build(self, classes):
        from keras import layers

        pool, linear = layers.GlobalAveragePooling2D(), layers.Dense(classes)
        return lambda x: linear(pool(x))


class Still(autotl.Augmentation):
    name = "still"

    def build(self):
        return lambda images, training=True: np.asarray(images, np.float32)


class Plain(autotl.Backbone):
    name = "plain"
    image_size = 32
    min_size = 16
    weights = "built-in"

    def layers(self, x):
        import keras

        return keras.layers.Conv2D(4, 3, strides=2)(keras.layers.Rescaling(1 / 255)(x))

    def build(self, image_size, *, weights):
        import keras

        image = keras.Input((image_size, image_size, 3))
        model = keras.Model(image, self.layers(image))
        if weights not in ("random", "built-in"):
            if not Path(weights).is_file():
                raise autotl.WeightsError(f"There is no {weights}.")
            model.load_weights(weights)
        return model


@pytest.mark.parametrize("part", [Logits(), Still(), Plain(), KerasExporter()], ids=lambda part: part.kind)
def test_a_sound_part_passes_every_check(part):
    results = run(part)
    assert [result.name for result in results if not result.ok] == []
    assert len(results) == len(check_names(SUITES[part.kind])) >= 5


def test_a_nested_functional_model_is_welcome():
    assert failed(Nested()) == {}


def test_a_passed_check_says_what_it_demands():
    assert run(Still())[0] == CheckResult(
        "name", True, "The name is lower-case letters, digits, `_`, `.` and `-`: a user types it."
    )


def test_every_check_says_what_it_demands_and_needs_the_part_alone():
    for suite in SUITES.values():
        for name in check_names(suite):
            check = getattr(suite, name)
            assert check.__doc__
            assert check.__code__.co_varnames[: check.__code__.co_argcount] == ("self", "part")


class Capital(Logits):
    name = "My Head"


class UnknownDimension(Still):
    space = {"strength": (0, 1)}


class MissingKeyword(Linear):
    space = {**Linear.space, "units": autotl.Int(1, 9)}


class Softmax(Logits):
    def build(self, classes):
        from keras import layers

        logits = super().build(classes)
        return lambda x: layers.Softmax()(logits(x))


class Deaf(Logits):
    def build(self, classes):
        logits = super().build(classes)
        return lambda x: 0 * logits(x)


class Unsavable(Logits):
    def build(self, classes):
        import keras

        logits = super().build(classes)
        return lambda x: keras.layers.Lambda(lambda y: 2 * y)(logits(x))


class RaisesOften(Logits):
    def build(self, classes):
        raise RuntimeError("two\nlines")


@pytest.mark.parametrize(
    ("part", "check", "message"),
    [
        (Capital(), "name", "'My Head' is not made of lower-case"),
        (UnknownDimension(), "space", "expected autotl.Int"),
        (MissingKeyword(), "keywords", "but the space has ['dropout', 'pooling', 'units']"),
        (Softmax(), "no softmax", "leave out the softmax"),
        (Deaf(), "learns", "After 30 steps the loss is"),
        (Unsavable(), "saved", "Lambda"),
        (RaisesOften(), "logits", "RuntimeError: two lines"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, autotl.Head | autotl.Augmentation) else "",
)
def test_what_is_wrong_with_a_head_or_its_space_is_found(part, check, message):
    assert message in failed(part)[check]


class Restless(Still):
    def build(self):
        return lambda images, training=True: np.asarray(images, np.float32) / 2


class Overflowing(Still):
    def build(self):
        return lambda images, training=True: np.asarray(images + (40 if training else 0), np.float32)


class Vandal(Still):
    def build(self):
        def spoil(images, training=True):
            if training:
                images[:] = 0
            return images

        return spoil


class Moody(Still):
    draws = np.random.default_rng()

    def build(self):
        def draw(images, training=True):
            return (images * self.draws.uniform()).astype(np.float32) if training else images

        return draw


@pytest.mark.parametrize(
    ("part", "check"),
    [(Restless(), "idle"), (Overflowing(), "pictures"), (Vandal(), "input kept"), (Moody(), "repeatable")],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_wrong_with_an_augmentation_is_found(part, check):
    assert list(failed(part)) == [check]


class Nested(Plain):
    name = "nested"

    def layers(self, x):
        import keras

        inner = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()])
        return keras.layers.ReLU()(inner(x))


class Subclassed(Plain):
    def layers(self, x):
        import keras

        class Opaque(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = keras.layers.Conv2D(4, 3)

            def call(self, x):
                return self.inner(x)

        return Opaque()(super().layers(x))


class OneLayer(Plain):
    def layers(self, x):
        import keras

        return keras.layers.Conv2D(4, 3)(x)


class Leaky(Plain):
    def layers(self, x):
        import keras

        return keras.layers.Conv2D(4, 3)(keras.layers.Resizing(16, 16)(x))


class Blind(Plain):
    def layers(self, x):
        import keras

        return keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(0.0)(x))


class Vectors(Plain):
    def layers(self, x):
        import keras

        return keras.layers.GlobalAveragePooling2D()(x)


class Careless(Plain):
    def build(self, image_size, *, weights):
        return super().build(image_size, weights=weights if Path(weights).is_file() else "random")


class Backwards(Plain):
    min_size = 64


@pytest.mark.parametrize(
    ("part", "check", "message"),
    [
        (Subclassed(), "cuts", "is a model, but not a functional one"),
        (OneLayer(), "cuts", "cannot be cut"),
        (Leaky(), "cuts", "switches to training mode"),
        (Blind(), "feature map", "have the same features"),
        (Vectors(), "feature map", "The features have the shape (3, 3)"),
        (Careless(), "missing weights", "was not noticed"),
        (Backwards(), "facts", "must hold"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, autotl.Backbone) else "",
)
def test_what_is_wrong_with_a_backbone_is_found(part, check, message):
    assert message in failed(part)[check]


class Litter(KerasExporter):
    def write(self, model, path, *, classes):
        path.with_name("notes.txt").write_text("left behind")
        return super().write(model, path, classes=classes)


class Rounding(KerasExporter):
    def load(self, path):
        predict = super().load(path)
        return lambda pixels: predict(pixels).round(1)


@pytest.mark.parametrize(("part", "check"), [(Litter(), "alone"), (Rounding(), "parity")], ids=["litter", "rounding"])
def test_what_is_wrong_with_an_exporter_is_found(part, check):
    assert list(failed(part)) == [check]
