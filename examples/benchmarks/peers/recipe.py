"""The network and the batches that the hand-written script and KerasTuner search over: one space for both.

It is the recipe of the well-known articles, done with care: a network of `keras.applications` with its own
`preprocess_input`, the last layers unfrozen, BatchNorm always frozen, average pooling, a dense layer, dropout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import tensorflow as tf
from pictures import Labelled

# autotl's name: (module of keras.applications, factory, keywords)
BASES: dict[str, tuple[str, str, dict[str, float]]] = {
    "mobilenet": ("mobilenet", "MobileNet", {}),
    "mobilenet_0.25": ("mobilenet", "MobileNet", {"alpha": 0.25}),
    "mobilenet_v2": ("mobilenet_v2", "MobileNetV2", {}),
    "mobilenet_v2_0.35": ("mobilenet_v2", "MobileNetV2", {"alpha": 0.35}),
    "mobilenet_v3_large": ("mobilenet_v3", "MobileNetV3Large", {}),
    "efficientnet_v2_b0": ("efficientnet_v2", "EfficientNetV2B0", {}),
    "resnet50": ("resnet", "ResNet50", {}),
    "resnet50_v2": ("resnet_v2", "ResNet50V2", {}),
    "vgg16": ("vgg16", "VGG16", {}),
}
UNFROZEN = (0, 60, 10)  # Keras layers counted from the top: lowest, highest, step
UNITS = (64, 512)
DROPOUT = (0.0, 0.5)
RATE = (1e-4, 1e-2)
BATCHES = (16, 32, 64)
PATIENCE = 3


@dataclass(frozen=True)
class Recipe:
    """One choice of everything that varies."""

    base: str
    unfrozen: int
    units: int
    dropout: float
    learning_rate: float
    augment: bool
    batch_size: int


def build(recipe: Recipe, size: int, classes: int) -> keras.Model:
    """Return a compiled network from pixels, 0 to 255, to probabilities."""
    module, factory, keywords = BASES[recipe.base]
    base = getattr(keras.applications, factory)(
        include_top=False, weights=None, input_shape=(size, size, 3), **keywords
    )
    base.set_weights(pretrained(recipe.base))
    top = len(base.layers) - recipe.unfrozen
    for place, layer in enumerate(base.layers):
        layer.trainable = place >= top and not isinstance(layer, keras.layers.BatchNormalization)
    pixels = keras.Input((size, size, 3))
    x = base(getattr(keras.applications, module).preprocess_input(pixels), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(recipe.units, activation="relu")(x)
    x = keras.layers.Dropout(recipe.dropout)(x)
    model = keras.Model(pixels, keras.layers.Dense(classes, activation="softmax")(x))
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@cache
def pretrained(base: str) -> list[Any]:
    """Return the ImageNet weights of a base, read from the disk once."""
    _, factory, keywords = BASES[base]
    return getattr(keras.applications, factory)(include_top=False, input_shape=(224, 224, 3), **keywords).get_weights()


@cache
def augmentation() -> keras.Sequential:
    """Return the articles' usual layers; they run on batches in the input pipeline, not inside the model."""
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(0.1),
            keras.layers.RandomZoom(0.1),
        ]
    )


def batches(pictures: Labelled, recipe: Recipe, seed: int) -> tf.data.Dataset:
    """Return shuffled training batches, varied anew in each epoch if the recipe says so."""
    data = tf.data.Dataset.from_tensor_slices((pictures.pixels, pictures.labels))
    data = data.shuffle(len(pictures.labels), seed=seed).batch(recipe.batch_size)
    vary = augmentation() if recipe.augment else None

    def ready(pixels: Any, labels: Any) -> tuple[Any, Any]:
        pixels = tf.cast(pixels, tf.float32)
        return (pixels if vary is None else vary(pixels, training=True)), labels

    return data.map(ready, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def plain_batches(pictures: Labelled) -> tf.data.Dataset:
    """Return batches to validate on."""
    data = tf.data.Dataset.from_tensor_slices((pictures.pixels, pictures.labels)).batch(32)
    return data.map(lambda pixels, labels: (tf.cast(pixels, tf.float32), labels)).prefetch(tf.data.AUTOTUNE)
