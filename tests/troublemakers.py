"""A plugin file for tests: a backbone that costs nothing, and heads that misbehave in every way."""

from __future__ import annotations

import os
import time

import autotl


class Speck(autotl.Backbone):
    """Three convolutions with weights from a seed."""

    name = "speck"
    image_size = 32
    min_size = 16
    weights = "seeded"

    def build(self, image_size, *, weights):
        import keras

        pixels = keras.Input((image_size, image_size, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
        for width in (8, 16, 16):
            start = keras.initializers.GlorotUniform(seed=width)
            x = keras.layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=start)(x)
            x = keras.layers.BatchNormalization()(x)
            x = keras.layers.ReLU()(x)
        return keras.Model(pixels, x)


class Needy(Speck):
    """A backbone whose weights are nowhere."""

    name = "needy"

    def build(self, image_size, *, weights):
        raise autotl.WeightsError("The weights of 'needy' are not here. Use --weights needy=PATH.")


class Plain(autotl.Head):
    """Average pooling and one layer."""

    name = "plain"

    def build(self, classes):
        import keras

        return keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes)])


class Crashing(Plain):
    """Takes its process with it."""

    name = "crashing"

    def build(self, classes):
        os._exit(3)


class Raising(Plain):
    """Raises."""

    name = "raising"

    def build(self, classes):
        raise RuntimeError("this head\nnever works")


class Hungry(Plain):
    """Allocates until it is killed."""

    name = "hungry"

    def build(self, classes):
        kept = []
        while True:
            kept.append(bytearray(b"x" * (64 << 20)))
            time.sleep(0.02)


class Sleepy(Plain):
    """Never answers."""

    name = "sleepy"

    def build(self, classes):
        time.sleep(3600)


class Exploding(Plain):
    """Gives logits that are not numbers."""

    name = "exploding"

    def build(self, classes):
        import keras

        dense = keras.layers.Dense(classes)
        return lambda features: keras.ops.log(-keras.ops.abs(dense(keras.ops.mean(features, axis=(1, 2)))) - 1)


class Chatty(Plain):
    """Prints where messages go."""

    name = "chatty"

    def build(self, classes):
        print("not a message")
        os.write(1, b"nor this\n")
        return super().build(classes)


@autotl.hookimpl
def backbones():
    return [Speck(), Needy()]


@autotl.hookimpl
def heads():
    return [Plain(), Crashing(), Raising(), Hungry(), Sleepy(), Exploding(), Chatty()]
