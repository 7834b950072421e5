"""A small backbone whose filters are formulas, so that a search works where no published weights can be had.

Two orders of oriented wavelets, each followed by a non-linearity and averaging, in the manner of scattering networks
(Bruna and Mallat 2013, https://arxiv.org/abs/1203.1513), with ReLU in place of the modulus. Its layers are plain
Keras layers: they can be unfrozen and trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import autotl
from autotl.builtin.vetting import vet_weights

if TYPE_CHECKING:
    import keras

Filters = NDArray[np.float64]

_SCALES = ((1.2, 3.0), (2.2, 6.0))  # width of the envelope and wave length of the first order, in pixels
_FIRST_ANGLES, _SECOND_ANGLES = 6, 4
_LUMINANCE = (0.299, 0.587, 0.114)
_RED_GREEN, _BLUE_YELLOW = (0.7, -0.7, 0.0), (-0.35, -0.35, 0.7)
_GAIN = 10.0  # of the logarithm: tried 0, 10 and 30 on digits and flowers
_SPREAD, _CENTRE = 6.0, 0.8  # bring features to about unit spread and mean 0: heads learn several times faster


class Scattering(autotl.Backbone):
    """Oriented edges at two scales and colour contrasts, then edges among these, on a log scale."""

    name = "scattering"
    image_size = 64
    min_size = 16
    weights = "filters"
    source = "https://arxiv.org/abs/1203.1513"
    parameters = 256_770

    def build(self, image_size: int, *, weights: str = "filters") -> keras.Model:
        """Return the network with its "filters", "random" weights, or those of a file."""
        model = _network(image_size)
        if weights == "filters":
            for name, arrays in filters().items():
                model.get_layer(name).set_weights(arrays)
        elif weights != "random":
            _load(model, Path(weights).expanduser())
        return model


def filters() -> dict[str, list[NDArray[np.float32]]]:
    """Return the weights of the three layers that have some."""
    first = first_order()
    second = np.repeat(second_order()[:, :, None, :], first.shape[-1], axis=2)
    channels = second.shape[2] * second.shape[3]
    mix, bias = _SPREAD * np.eye(channels)[None, None], np.full(channels, -_CENTRE)
    weights = {"first_order": [first], "second_order": [second], "mix": [mix, bias]}
    return {name: [array.astype(np.float32) for array in arrays] for name, arrays in weights.items()}


def first_order(side: int = 7) -> Filters:
    """Return filters on RGB `(side, side, 3, filters)`: Gabor pairs, colour blobs, each with both signs."""
    kernels = []
    for width, wave in _SCALES:
        for angle in _angles(_FIRST_ANGLES):
            for phase in (0.0, math.pi / 2):
                kernels.append(gabor(side, angle, width, wave, phase)[:, :, None] * np.array(_LUMINANCE))
    for colour in (_LUMINANCE, _RED_GREEN, _BLUE_YELLOW):
        kernels.append(blob(side, 1.5)[:, :, None] * np.array(colour))
    return np.stack([sign * kernel for kernel in kernels for sign in (1, -1)], axis=-1)


def second_order(side: int = 5) -> Filters:
    """Return filters for each channel `(side, side, filters)`: its mean, then its edges, each with both signs."""
    edges = [gabor(side, angle, 1.4, 4.0, math.pi / 2) for angle in _angles(_SECOND_ANGLES)]
    kernels = [blob(side, 1.2), *(sign * edge for edge in edges for sign in (1, -1))]
    return _GAIN * np.stack(kernels, axis=-1)


def gabor(side: int, angle: float, width: float, wave: float, phase: float) -> Filters:
    """Return a plane wave under a Gaussian that is longer along its crests; it sums to 0, its size to 2."""
    rows, columns = _grid(side)
    across = columns * math.cos(angle) + rows * math.sin(angle)
    along = rows * math.cos(angle) - columns * math.sin(angle)
    envelope = np.exp(-(across**2 + (0.6 * along) ** 2) / (2 * width**2))
    kernel = envelope * np.cos(2 * math.pi * across / wave + phase)
    kernel -= envelope * (kernel.sum() / envelope.sum())
    return np.asarray(2 * kernel / np.abs(kernel).sum())


def blob(side: int, width: float) -> Filters:
    """Return a Gaussian that sums to 1."""
    rows, columns = _grid(side)
    kernel = np.exp(-(rows**2 + columns**2) / (2 * width**2))
    return np.asarray(kernel / kernel.sum())


def _network(image_size: int) -> keras.Model:
    import keras
    from keras import layers

    first = first_order().shape[-1]
    multiplier = second_order().shape[-1]
    image = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_pixels")(image)
    x = layers.Conv2D(first, 7, padding="same", use_bias=False, name="first_order")(x)
    x = layers.ReLU(name="first_relu")(x)
    x = layers.AveragePooling2D(2, padding="same", name="first_mean")(x)
    x = layers.DepthwiseConv2D(5, padding="same", depth_multiplier=multiplier, use_bias=False, name="second_order")(x)
    x = layers.ReLU(name="second_relu")(x)
    x = layers.AveragePooling2D(4, padding="same", name="second_mean")(x)
    x = keras.ops.log1p(x)
    x = layers.Conv2D(first * multiplier, 1, name="mix")(x)
    return keras.Model(image, x, name="scattering")


def _load(model: keras.Model, file: Path) -> None:
    if not file.is_file():
        raise autotl.WeightsError(f"There is no weights file {file} for the backbone 'scattering'.")
    try:
        vet_weights(file)
        model.load_weights(file)
    except Exception as error:  # HDF5 and Keras raise what they like over a file that does not fit
        text = " ".join(str(error).split())[:200]
        raise autotl.WeightsError(f"{file} does not fit the backbone 'scattering': {text}") from error


def _angles(count: int) -> list[float]:
    return [math.pi * i / count for i in range(count)]


def _grid(side: int) -> tuple[Filters, Filters]:
    axis = np.arange(side) - (side - 1) / 2
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return rows, columns


@autotl.hookimpl
def backbones() -> Iterable[autotl.Backbone]:
    """Offer the scattering backbone."""
    return [Scattering()]
