"""The augmentations, from Keras layers. `strength` takes few values, so that trials share the pictures it draws."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import autotl

if TYPE_CHECKING:
    import keras

STRENGTH = autotl.Choice("medium", "light", "strong")
_FACTOR = {"light": 0.5, "medium": 1.0, "strong": 1.75}
_PIXELS = (0, 255)


class Nothing(autotl.Augmentation):
    """Leaves pictures as they are."""

    name = "none"
    idle = True

    def build(self) -> Callable[..., Any]:
        """Return the identity."""
        return Steps()


class FlipCrop(autotl.Augmentation):
    """Mirrors and crops at random, at medium strength up to a fifth of each side."""

    name = "flip_crop"
    space = {"strength": STRENGTH}

    def build(self, *, strength: str) -> Callable[..., Any]:
        """Return the augmentation."""
        from keras import layers

        by = 0.2 * _FACTOR[strength]
        return Steps(
            layers.RandomFlip("horizontal"),
            layers.RandomZoom((-by, 0.0), (-by, 0.0), fill_mode="reflect"),  # each side cropped on its own
            layers.RandomTranslation(by / 2, by / 2, fill_mode="reflect"),
        )


class Classic(autotl.Augmentation):
    """Shear, zoom and mirror: 0.2, 0.2 and horizontally at medium strength, the recipe of the first Keras articles."""

    name = "classic"
    space = {"strength": STRENGTH}

    def build(self, *, strength: str) -> Callable[..., Any]:
        """Return the augmentation."""
        from keras import layers

        by = 0.2 * _FACTOR[strength]
        return Steps(
            layers.RandomShear(x_factor=by, y_factor=by, fill_mode="nearest"),
            layers.RandomZoom((-by, by), fill_mode="nearest"),
            layers.RandomFlip("horizontal"),
        )


class Colour(autotl.Augmentation):
    """Changes brightness, contrast and saturation, and mirrors."""

    name = "colour"
    space = {"strength": STRENGTH}

    def build(self, *, strength: str) -> Callable[..., Any]:
        """Return the augmentation."""
        from keras import layers

        by = 0.2 * _FACTOR[strength]
        return Steps(
            layers.RandomFlip("horizontal"),
            layers.RandomBrightness(by, value_range=_PIXELS),
            layers.RandomContrast(by, value_range=_PIXELS),
            layers.RandomSaturation((0.5 - by / 2, 0.5 + by / 2), value_range=_PIXELS),  # 0.5 changes nothing
        )


class RandAugment(autotl.Augmentation):
    """Mirrors, then two operations drawn for each picture from nine (RandAugment, Cubuk et al. 2020).

    Not `keras.layers.RandAugment`: that one draws for a whole batch, computes every operation for every picture,
    and posterises the more the weaker it is set (3.15); posterising and solarising are left out.
    """

    name = "rand_augment"
    space = {"strength": STRENGTH}

    def build(self, *, strength: str) -> Callable[..., Any]:
        """Return the augmentation."""
        from keras import layers

        return Steps(layers.RandomFlip("horizontal"), Drawn(_operations(strength)), Drawn(_operations(strength)))


def _operations(strength: str) -> list[keras.Layer]:
    from keras import layers

    by = 0.2 * _FACTOR[strength]
    near = (0.5 - by, 0.5 + by)  # 0.5 changes nothing
    return [
        layers.RandomShear(x_factor=by, y_factor=by, fill_mode="nearest"),
        layers.RandomTranslation(by / 2, by / 2, fill_mode="nearest"),
        layers.RandomRotation(by / 4, fill_mode="nearest"),  # of a full turn: 18 degrees
        layers.RandomBrightness(by, value_range=_PIXELS),
        layers.RandomContrast(by, value_range=_PIXELS),
        layers.RandomSaturation(near, value_range=_PIXELS),
        layers.RandomSharpness(near, value_range=_PIXELS),
        layers.AutoContrast(value_range=_PIXELS),
        layers.Equalization(value_range=_PIXELS),
    ]


class Drawn:
    """One of several layers, drawn for each picture."""

    def __init__(self, layers: Sequence[keras.Layer]) -> None:
        self.layers = layers
        self.draws = np.random.default_rng(random.getrandbits(32))  # keras.utils.set_random_seed seeds `random`

    def __call__(self, images: Any, training: bool = True) -> Any:
        """Return the pictures, each changed by its layer."""
        from keras import ops

        changed = np.array(ops.convert_to_numpy(images))
        drawn = self.draws.integers(len(self.layers), size=len(changed))
        for number in np.unique(drawn):
            rows = drawn == number
            changed[rows] = ops.convert_to_numpy(self.layers[number](changed[rows], training=training))
        return changed


class Steps:
    """Keras layers one after the other, in training alone: some of them would change pictures at inference too."""

    def __init__(self, *layers: Callable[..., Any]) -> None:
        self.layers = layers

    def __call__(self, images: Any, training: bool = True) -> Any:
        """Return the pictures changed, float32 from 0 to 255; unchanged when not `training`."""
        from keras import ops

        images = ops.convert_to_tensor(images, dtype="float32")
        if not training or not self.layers:
            return images
        for layer in self.layers:
            images = layer(images, training=True)
        return ops.clip(ops.cast(images, "float32"), *_PIXELS)


@autotl.hookimpl
def augmentations() -> Iterable[autotl.Augmentation]:
    """Offer the built-in augmentations."""
    return [Nothing(), FlipCrop(), Classic(), Colour(), RandAugment()]
