"""A backbone from a `.keras` file: one that `autotl pretrain` wrote, or any other that ends in a feature map."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autotl
from autotl.builtin.vetting import vet, vet_weights

if TYPE_CHECKING:
    import keras

SUFFIX = ".keras"
_SHAPE = "(batch, side, side, 3) to (batch, rows, columns, channels)"


class SavedBackbone(autotl.Backbone):
    """The network of a file, which takes pixels from 0 to 255; its name is the file's.

    `image_size` is the side of pictures that suits it, where that is not the one it was saved with. Raises
    WeightsError when the file is none that Keras wrote. Only layers that plain Keras knows are loaded: a file with
    code in it is refused.
    """

    weights = "file"

    def __init__(self, file: str | Path, name: str | None = None, image_size: int | None = None) -> None:
        self.file = Path(file).expanduser()
        self.name = name or name_of(self.file)
        self.image_size = image_size or _side(self.file)
        card = self.card
        self.parameters = card.get("parameters")
        self.source = f"{self.file}"

    @property
    def card(self) -> dict[str, Any]:
        """The model card beside the file, empty where there is none."""
        try:
            card = json.loads(self.file.with_suffix(".json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return card if isinstance(card, dict) else {}

    def build(self, image_size: int, *, weights: str = "file") -> keras.Model:
        """Return the network for pictures of a size, with the "file"'s weights, "random" ones, or those of a path."""
        import keras

        try:
            vet(self.file)
            model = keras.models.load_model(self.file, compile=False, safe_mode=True)
            shapes = model.input_shape, model.output_shape
            if len(shapes[0]) != 4 or shapes[0][-1] != 3 or len(shapes[1]) != 4:
                raise ValueError(f"it goes from {shapes[0]} to {shapes[1]}; expected {_SHAPE}")
            return self._sized(model, image_size, weights)
        except Exception as error:  # Keras raises what it likes over a file that does not fit
            text = " ".join(str(error).split())[:300]
            raise autotl.WeightsError(f"{self.file} cannot be used as a backbone: {text}") from error

    def _sized(self, model: keras.Model, image_size: int, weights: str) -> keras.Model:
        import keras

        known = model.get_weights()
        if image_size != model.input_shape[1] or weights == "random":
            image = keras.Input((image_size, image_size, 3), name="image")
            model = keras.models.clone_model(model, input_tensors=image)
        if weights == "random":
            return model
        model.set_weights(known)
        if weights != self.weights:
            vet_weights(Path(weights).expanduser())
            model.load_weights(Path(weights).expanduser())
        return model


class SavedPlugin:
    """Offers the backbone of one file: what `--backbone FILE.keras` registers."""

    def __init__(self, file: Path) -> None:
        self.part = SavedBackbone(file)

    @autotl.hookimpl
    def backbones(self) -> Iterable[autotl.Backbone]:
        """Offer the backbone."""
        return [self.part]


def name_of(file: Path) -> str:
    """Return what the backbone of a file is called."""
    return re.sub(r"[^\w.-]+", "_", file.stem).strip("._-") or "saved"


def _side(file: Path) -> int:
    """Return the side of the pictures of a saved network, from its configuration alone; raises WeightsError."""
    try:
        vet(file, weights=False)
        with zipfile.ZipFile(file) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
        shape = next(layer["config"]["batch_shape"] for layer in layers if layer["class_name"] == "InputLayer")
        side = shape[1]
    except FileNotFoundError:
        raise autotl.WeightsError(f"There is no file {file}.") from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, StopIteration, IndexError) as error:
        raise autotl.WeightsError(
            f"{file} is not a network that Keras saved with its layers in the open (a functional model): {error}."
        ) from error
    return side if isinstance(side, int) else 224
