"""The networks that can be pretrained: small ones of `keras.applications` in any width, and a plain residual one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_APPLICATIONS = {
    "mobilenet": ("MobileNet", {}),
    "mobilenet_v2": ("MobileNetV2", {}),
    "mobilenet_v3_small": ("MobileNetV3Small", {"include_preprocessing": False}),
}
_STAGES = ((32, 1), (64, 2), (128, 2), (256, 2))  # channels and blocks; each but the first halves the sides
_OUT = 512


def build_student(name: str, width: float, image_size: int) -> keras.Model:
    """Return a network with random weights: pixels, 0 to 255, in, feature map out."""
    import keras

    image = keras.Input((image_size, image_size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_pixels")(image)
    if name == "residual":
        return keras.Model(image, _residual(scaled, width), name="residual")
    factory, more = _APPLICATIONS[name]
    network = getattr(keras.applications, factory)(
        include_top=False, weights=None, alpha=width, input_tensor=scaled, input_shape=tuple(image.shape[1:]), **more
    )
    return keras.Model(image, network.output, name=name)


def _residual(x: Any, width: float) -> Any:
    """Return a feature map of a sixteenth of the sides, from blocks of two 3 x 3 convolutions.

    After He et al. 2016, "Deep Residual Learning" (arXiv 1512.03385), with a 1 x 1 convolution at the end that
    spreads the channels: linear heads like many.
    """
    from keras import layers

    x = _convolved(x, _channels(_STAGES[0][0], width), 3, strides=2, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, (channels, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            x = _block(x, _channels(channels, width), strides, f"stage{stage + 1}_block{block + 1}")
    x = _convolved(x, _channels(_OUT, width), 1, name="spread")
    return layers.ReLU(name="spread_relu")(x)


def _block(x: Any, channels: int, strides: int, name: str) -> Any:
    from keras import layers

    made = _convolved(x, channels, 3, strides=strides, name=f"{name}_first")
    made = layers.ReLU(name=f"{name}_first_relu")(made)
    made = _convolved(made, channels, 3, name=f"{name}_second")
    if strides > 1 or x.shape[-1] != channels:
        x = layers.AveragePooling2D(strides, padding="same", name=f"{name}_mean")(x) if strides > 1 else x
        x = _convolved(x, channels, 1, name=f"{name}_skip")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([made, x]))


def _convolved(x: Any, channels: int, side: int, *, strides: int = 1, name: str) -> Any:
    from keras import layers

    x = layers.Conv2D(
        channels, side, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return layers.BatchNormalization(momentum=0.98, epsilon=1e-3, name=f"{name}_norm")(x)


def _channels(count: int, width: float) -> int:
    return max(8, round(count * width / 8) * 8)
