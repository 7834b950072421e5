"""A backbone in memory: its cuts, its pretrained weights, and the networks built from its pieces.

All pieces share the layers of one backbone. BatchNorm, dropout and stochastic depth inside it always run in
inference mode; its other weights train where they are unfrozen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from autotl.candidate import Anatomy, Candidate
from autotl.errors import PluginError
from autotl.transfer.cuts import Cut, find, inline, offered, outline, snap

if TYPE_CHECKING:
    import keras

    from autotl.parts import Backbone, Head
    from autotl.space import Value


@dataclass(eq=False)
class Network:
    """A backbone built once, split wherever a trial asks, and set back to its first weights between trials.

    `first_weights` are copies of the weights as they were loaded.
    """

    name: str
    weights: str
    image_size: int
    model: keras.Model
    first_weights: list[Any]
    _pieces: dict[tuple[int, int], Any] = field(default_factory=dict)

    @classmethod
    def build(cls, part: Backbone, image_size: int, weights: str, **values: Value) -> Network:
        """Build a backbone; raises WeightsError when its weights cannot be had."""
        model = inline(part.build(image_size, weights=weights, **values))
        return cls(part.name, weights, image_size, model, [weight.copy() for weight in model.get_weights()])

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """Every cut, from the output down to the input."""
        return find(self.model)

    @cached_property
    def digest(self) -> str:
        """A hash of the first weights and of the graph: what the features depend on."""
        hashed = sha256(json.dumps(outline(self.model)).encode())
        for weight in self.first_weights:
            hashed.update(weight.tobytes())
        return hashed.hexdigest()[:32]

    def cut(self, unfrozen_layers: int) -> Cut:
        """Return the cut at or below a count of unfrozen layers."""
        count = snap(unfrozen_layers, [cut.unfrozen_layers for cut in self.cuts])
        return next(cut for cut in self.cuts if cut.unfrozen_layers == count)

    def piece(self, lower: Cut, upper: Cut) -> keras.Model | None:
        """Return the part of the backbone between two cuts, None when they are one."""
        import keras

        if lower.unfrozen_layers == upper.unfrozen_layers:
            return None
        # each split appends nodes to the shared layers, so it is done once and kept
        key = (lower.unfrozen_layers, upper.unfrozen_layers)
        if key not in self._pieces:
            self._pieces[key] = keras.Model(lower.tensor, upper.tensor)
        return self._pieces[key]

    def prefix(self, cut: Cut) -> keras.Model | None:
        """Return the network from pixels to a cut, None for pixels themselves."""
        return self.piece(self.cuts[-1], cut)

    def reset(self) -> None:
        """Set all weights back to the first ones."""
        self.model.set_weights(self.first_weights)

    def thaw(self, unfrozen: Cut) -> keras.Model | None:
        """Let the layers above a cut train and no others; return these as a model, None when there are none.

        All trials share the layers, so a step must be thawed again before it is traced again.
        """
        suffix = self.piece(unfrozen, self.cuts[0])
        _set_trainable(self.model, False)
        if suffix is not None:
            _set_trainable(suffix, True)
        return suffix

    def anatomy(self) -> Anatomy:
        """Return what the search needs to know, as plain data."""
        counts = tuple(cut.unfrozen_layers for cut in self.cuts)
        return Anatomy(
            backbone=self.name,
            image_size=self.image_size,
            layers=counts[-1],
            parameters=self.model.count_params(),
            feature_shape=tuple(self.model.output_shape[1:]),
            cuts=counts,
            offered=offered(self.cuts),
            weights=self.weights,
            weights_digest=self.digest,
        )


@dataclass(frozen=True, eq=False)
class Trainee:
    """What trains: from the cached cut through frozen layers (if any), unfrozen layers and the head to logits."""

    model: keras.Model
    unfrozen: keras.Model | None
    head: keras.Model

    @property
    def slow(self) -> list[Any]:
        """The pretrained variables that train, at a lower rate than the head."""
        return [] if self.unfrozen is None else list(self.unfrozen.trainable_variables)


def build_head(part: Head, candidate: Candidate, feature_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Return a head as a model from feature maps to logits; raises PluginError on a wrong shape."""
    import keras

    features = keras.Input(feature_shape)
    logits = part.build(classes, **candidate.of("head", part.name))(features)
    if tuple(logits.shape) != (None, classes):
        raise PluginError(
            f"The head {part.name!r} gives shape {tuple(logits.shape)}, but (batch, {classes}) is needed: "
            "one logit for each class."
        )
    return keras.Model(features, logits, name="head")


def assemble(network: Network, head: keras.Model, cached: Cut, unfrozen: Cut) -> Trainee:
    """Return the trainee: features at `cached` in, logits out; layers above `unfrozen` and the head train."""
    suffix = network.thaw(unfrozen)
    model = _trainee_class()(network.piece(cached, unfrozen), suffix, head)
    model.build((None, *cached.tensor.shape[1:]))
    return Trainee(model, suffix, head)


@cache
def _trainee_class() -> Any:
    import keras

    class TraineeModel(keras.Model):  # type: ignore[misc]
        """Pieces of a backbone, always in inference mode, then the head.

        It is a subclass on purpose: in a functional model `training=True` from outside overrides the
        `training=False` that a nested backbone was called with (Keras 3.15), and BatchNorm would move.
        """

        def __init__(self, middle: keras.Model | None, suffix: keras.Model | None, head: keras.Model) -> None:
            super().__init__()
            self.pieces = [piece for piece in (middle, suffix) if piece is not None]
            self.head = head

        def call(self, features: Any, training: bool | None = None) -> Any:
            features = keras.ops.cast(features, self.compute_dtype)  # uint8 pixels, or half-precision features
            for piece in self.pieces:
                features = piece(features, training=False)
            return self.head(features, training=training)

    return TraineeModel


def _set_trainable(model: keras.Model, value: bool) -> None:
    model.trainable = value
    for layer in model.layers:  # a model made between two inner tensors does not pass the flag on by itself
        layer.trainable = value


def whole(network: Network, head: keras.Model) -> keras.Model:
    """Return the finished model: pixels, 0 to 255, to class probabilities, made of plain Keras layers."""
    import keras

    _set_trainable(network.model, False)  # so that BatchNorm stands still even if the model is trained further
    pixels = keras.Input((network.image_size, network.image_size, 3), name="pixels")
    logits = head(network.model(pixels, training=False), training=False)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities", dtype="float32")(logits), name="autotl")
