"""The model as it is exported: for pictures of one size, and without the layers that only training needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_LASTING = ("Resizing", "CenterCrop")  # image layers that count at inference, too


def deployable(model: keras.Model, image_size: tuple[int, int]) -> keras.Model:
    """Return the model for pictures of `image_size` (height, width), its augmentation layers left out.

    A model that needs no mending is returned as it is. Image layers of Keras switch to training mode by
    themselves when a graph is made of them, so what lies around them is told that this is inference. A convolution
    with one group for each channel becomes a depthwise one: TensorFlow compiles the former, and no other runtime
    can read what comes of that.
    """
    import keras

    mended = any(_is_image_layer(layer) or _is_depthwise(layer) for layer in _all_layers(model))
    if tuple(model.input_shape[1:3]) == image_size and not mended:
        return model
    pixels = keras.Input((*image_size, 3), name="pixels")
    return keras.Model(pixels, _mended(model)(pixels, training=False), name=model.name)


def _mended(model: Any) -> Any:
    """Return the same network, nested ones included, of layers that can be exported; weights are shared."""
    import keras

    if isinstance(model, keras.Sequential):
        kept = [_swapped(layer) for layer in model.layers if not _is_augmentation(layer)]
        return keras.Sequential([keras.Input(model.input_shape[1:]), *kept], name=model.name)
    return keras.models.clone_model(model, clone_function=_swapped, call_function=_call_calmly)


def _call_calmly(layer: Any, *tensors: Any, **values: Any) -> Any:
    if _is_augmentation(layer):
        return tensors[0]
    return layer(*tensors, **({**values, "training": False} if _is_image_layer(layer) else values))


def _swapped(layer: Any) -> Any:
    """Return a layer itself, or what does the same and can be exported."""
    import keras

    if isinstance(layer, keras.Sequential) or hasattr(layer, "_nodes_by_depth"):  # a graph, not a class of its own
        return _mended(layer)
    if not _is_depthwise(layer):
        return layer
    shared = ("strides", "padding", "data_format", "dilation_rate", "activation", "use_bias", "name", "dtype")
    told = layer.get_config()
    twin = keras.layers.DepthwiseConv2D(layer.kernel_size, **{key: told[key] for key in shared})
    twin.build((None, None, None, layer.filters))
    kernel, *bias = layer.get_weights()
    twin.set_weights([kernel.transpose(0, 1, 3, 2), *bias])
    return twin


def _is_depthwise(layer: Any) -> bool:
    grouped = type(layer).__name__ == "Conv2D" and layer.groups > 1 and layer.data_format == "channels_last"
    return grouped and layer.groups == layer.filters and layer.kernel.shape[2] == 1


def _is_augmentation(layer: Any) -> bool:
    return _is_image_layer(layer) and type(layer).__name__ not in _LASTING


def _is_image_layer(layer: Any) -> bool:
    return "BaseImagePreprocessingLayer" in [each.__name__ for each in type(layer).__mro__]


def _all_layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)
