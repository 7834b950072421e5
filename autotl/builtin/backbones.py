"""Every network of `keras.applications`, as rows of one table, each with its own scaling of pixels inside.

Published top-1 accuracies are those of https://keras.io/api/applications, of the docstrings of
`keras.applications` (MobileNetV3), and of the TF-Slim model zoo (narrow MobileNets). Parameters are counted
without the classifier.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import autotl
from autotl.builtin.published import PUBLISHED
from autotl.builtin.weights import WeightsServer, of_resolution

if TYPE_CHECKING:
    import keras

_ABS = "https://arxiv.org/abs/"
_RESOLUTIONS = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}  # of published weights
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in 0 to 1
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's BGR in 0 to 255


@dataclass(frozen=True)
class KerasBackbone(autotl.Backbone):
    """One network of `keras.applications`, without its top.

    `pixels` is what its weights expect: "tf" (-1 to 1), "caffe" (BGR less the mean), "torch" (standardised RGB)
    or "inside" (its own first layers see to it). `alpha` is the width of a MobileNet. A network of `fixed_size`
    takes published weights at its natural size alone.
    """

    name: str
    factory: str
    pixels: str
    image_size: int
    min_size: int
    top1: float | None
    parameters: int | None
    source: str
    alpha: float | None = None
    fixed_size: bool = False

    weights = "imagenet"
    needs_download = True

    @property
    def download(self) -> autotl.Download | None:
        """The file of its ImageNet weights; of a MobileNet that for any size of picture serves."""
        published = PUBLISHED[self.name]
        sizes = _RESOLUTIONS.get(self.factory, ())
        others = tuple(of_resolution(published.name, size) for size in reversed(sizes))
        return replace(published, others=tuple(name for name in others if name != published.name))

    def build(self, image_size: int, *, weights: str = "imagenet") -> keras.Model:
        """Return the network with "imagenet" weights, "random" ones, or those of a file."""
        if weights == "random":
            model = self._assemble(image_size, None)
            return self._as_published(model) if self.factory.startswith("EfficientNetB") else model
        local = None if weights == self.weights else Path(weights).expanduser()
        sizes = _RESOLUTIONS.get(self.factory, ())
        server = WeightsServer(self.name, image_size, local, sizes)
        if local is None and self.download is not None:
            server.prepare(self.download)
        with server.serving():
            # always as if published: see _as_published
            if not self.fixed_size or image_size == self.image_size:
                return self._assemble(image_size, "imagenet")
            natural = self._assemble(self.image_size, "imagenet")
        model = self._assemble(image_size, None)
        model.set_weights(natural.get_weights())
        return model

    def _as_published(self, model: keras.Model) -> keras.Model:
        """Return an EfficientNet with the one Rescaling that Keras leaves out unless weights="imagenet"."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "random.weights.h5"
            model.save_weights(file)
            return self.build(model.input_shape[1], weights=str(file))

    def _assemble(self, image_size: int, weights: str | None) -> keras.Model:
        import keras

        shape = (image_size, image_size, 3)
        image = keras.Input(shape, name="image")
        width = {} if self.alpha is None else {"alpha": self.alpha}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*`input_shape` is undefined or non-square")
            network = getattr(keras.applications, self.factory)(
                include_top=False, weights=weights, input_tensor=scaled(image, self.pixels), input_shape=shape, **width
            )
        return keras.Model(image, network.output, name=self.factory.lower())


def scaled(image: Any, pixels: str) -> Any:
    """Return a Keras tensor of pixels, 0 to 255, as weights of the mode `pixels` expect them."""
    import keras

    if pixels == "tf":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale_pixels")(image)
    if pixels == "torch":
        scale = [1 / (255 * std) for std in _STD]
        offset = [-mean / std for mean, std in zip(_MEAN, _STD, strict=True)]
        return keras.layers.Rescaling(scale, offset=offset, name="scale_pixels")(image)
    if pixels == "caffe":
        offset = [-mean for mean in _CAFFE_MEAN]
        return keras.layers.Rescaling(1.0, offset=offset, name="scale_pixels")(keras.ops.flip(image, axis=-1))
    return image


ROWS = (
    # name, factory, pixels, natural size, smallest size, top-1, parameters, paper
    KerasBackbone("mobilenet_0.25", "MobileNet", "tf", 224, 32, 0.506, 218_544, _ABS + "1704.04861", 0.25),
    KerasBackbone("mobilenet_0.5", "MobileNet", "tf", 224, 32, 0.637, 829_536, _ABS + "1704.04861", 0.5),
    KerasBackbone("mobilenet_0.75", "MobileNet", "tf", 224, 32, 0.684, 1_832_976, _ABS + "1704.04861", 0.75),
    KerasBackbone("mobilenet", "MobileNet", "tf", 224, 32, 0.704, 3_228_864, _ABS + "1704.04861"),
    KerasBackbone("mobilenet_v2_0.35", "MobileNetV2", "tf", 224, 32, 0.603, 410_208, _ABS + "1801.04381", 0.35),
    KerasBackbone("mobilenet_v2_0.5", "MobileNetV2", "tf", 224, 32, 0.654, 706_224, _ABS + "1801.04381", 0.5),
    KerasBackbone("mobilenet_v2_0.75", "MobileNetV2", "tf", 224, 32, 0.698, 1_382_064, _ABS + "1801.04381", 0.75),
    KerasBackbone("mobilenet_v2", "MobileNetV2", "tf", 224, 32, 0.713, 2_257_984, _ABS + "1801.04381"),
    KerasBackbone("mobilenet_v3_small", "MobileNetV3Small", "inside", 224, 32, 0.681, 939_120, _ABS + "1905.02244"),
    KerasBackbone("mobilenet_v3_large", "MobileNetV3Large", "inside", 224, 32, 0.756, 2_996_352, _ABS + "1905.02244"),
    KerasBackbone("efficientnet_b0", "EfficientNetB0", "inside", 224, 32, 0.771, 4_049_571, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b1", "EfficientNetB1", "inside", 240, 32, 0.791, 6_575_239, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b2", "EfficientNetB2", "inside", 260, 32, 0.801, 7_768_569, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b3", "EfficientNetB3", "inside", 300, 32, 0.816, 10_783_535, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b4", "EfficientNetB4", "inside", 380, 32, 0.829, 17_673_823, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b5", "EfficientNetB5", "inside", 456, 32, 0.836, 28_513_527, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b6", "EfficientNetB6", "inside", 528, 32, 0.840, 40_960_143, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_b7", "EfficientNetB7", "inside", 600, 32, 0.843, 64_097_687, _ABS + "1905.11946"),
    KerasBackbone("efficientnet_v2_b0", "EfficientNetV2B0", "inside", 224, 32, 0.787, 5_919_312, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_b1", "EfficientNetV2B1", "inside", 240, 32, 0.798, 6_931_124, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_b2", "EfficientNetV2B2", "inside", 260, 32, 0.805, 8_769_374, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_b3", "EfficientNetV2B3", "inside", 300, 32, 0.820, 12_930_622, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_s", "EfficientNetV2S", "inside", 384, 32, 0.839, 20_331_360, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_m", "EfficientNetV2M", "inside", 480, 32, 0.853, 53_150_388, _ABS + "2104.00298"),
    KerasBackbone("efficientnet_v2_l", "EfficientNetV2L", "inside", 480, 32, 0.857, 117_746_848, _ABS + "2104.00298"),
    KerasBackbone("convnext_tiny", "ConvNeXtTiny", "inside", 224, 32, 0.813, 27_820_128, _ABS + "2201.03545"),
    KerasBackbone("convnext_small", "ConvNeXtSmall", "inside", 224, 32, 0.823, 49_454_688, _ABS + "2201.03545"),
    KerasBackbone("convnext_base", "ConvNeXtBase", "inside", 224, 32, 0.853, 87_566_464, _ABS + "2201.03545"),
    KerasBackbone("convnext_large", "ConvNeXtLarge", "inside", 224, 32, 0.863, 196_230_336, _ABS + "2201.03545"),
    KerasBackbone("convnext_xlarge", "ConvNeXtXLarge", "inside", 224, 32, 0.867, 348_147_968, _ABS + "2201.03545"),
    KerasBackbone("resnet50", "ResNet50", "caffe", 224, 32, 0.749, 23_587_712, _ABS + "1512.03385"),
    KerasBackbone("resnet101", "ResNet101", "caffe", 224, 32, 0.764, 42_658_176, _ABS + "1512.03385"),
    KerasBackbone("resnet152", "ResNet152", "caffe", 224, 32, 0.766, 58_370_944, _ABS + "1512.03385"),
    KerasBackbone("resnet50_v2", "ResNet50V2", "tf", 224, 32, 0.760, 23_564_800, _ABS + "1603.05027"),
    KerasBackbone("resnet101_v2", "ResNet101V2", "tf", 224, 32, 0.772, 42_626_560, _ABS + "1603.05027"),
    KerasBackbone("resnet152_v2", "ResNet152V2", "tf", 224, 32, 0.780, 58_331_648, _ABS + "1603.05027"),
    KerasBackbone("vgg16", "VGG16", "caffe", 224, 32, 0.713, 14_714_688, _ABS + "1409.1556"),
    KerasBackbone("vgg19", "VGG19", "caffe", 224, 32, 0.713, 20_024_384, _ABS + "1409.1556"),
    KerasBackbone("densenet121", "DenseNet121", "torch", 224, 32, 0.750, 7_037_504, _ABS + "1608.06993"),
    KerasBackbone("densenet169", "DenseNet169", "torch", 224, 32, 0.762, 12_642_880, _ABS + "1608.06993"),
    KerasBackbone("densenet201", "DenseNet201", "torch", 224, 32, 0.773, 18_321_984, _ABS + "1608.06993"),
    KerasBackbone("inception_v3", "InceptionV3", "tf", 299, 75, 0.779, 21_802_784, _ABS + "1512.00567"),
    KerasBackbone("inception_resnet_v2", "InceptionResNetV2", "tf", 299, 75, 0.803, 54_336_736, _ABS + "1602.07261"),
    KerasBackbone("xception", "Xception", "tf", 299, 71, 0.790, 20_861_480, _ABS + "1610.02357"),
    KerasBackbone(
        "nasnet_mobile", "NASNetMobile", "tf", 224, 32, 0.744, 4_269_716, _ABS + "1707.07012", fixed_size=True
    ),
    KerasBackbone(
        "nasnet_large", "NASNetLarge", "tf", 331, 32, 0.825, 84_916_818, _ABS + "1707.07012", fixed_size=True
    ),
)


@autotl.hookimpl
def backbones() -> Iterable[autotl.Backbone]:
    """Offer the networks of `keras.applications`."""
    return ROWS
