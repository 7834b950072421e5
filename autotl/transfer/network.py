"""A backbone in memory: its cuts, its pretrained weights, and the networks built from its pieces.

All pieces share the layers of one backbone. BatchNorm, dropout and stochastic depth inside it always run in
inference mode; its other weights train where they are unfrozen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from autotl.candidate import Anatomy
from autotl.transfer.cuts import Cut, find, inline, outline, snap
from autotl.transfer.cuts import offered as choose_offered
from autotl.transfer.piece import Piece

if TYPE_CHECKING:
    import keras

    from autotl.parts import Backbone
    from autotl.space import Value
    from autotl.transfer.head import BuiltHead

_FAR = 1e9  # further than logits are from each other


@dataclass(frozen=True)
class Tap:
    """A tensor whose values for every picture are worth keeping: at a cut, or at the stem of a head.

    `shape` is that of one picture's values, `work` the share of a forward pass that lies above.
    """

    tensor: Any
    shape: tuple[int, ...]
    unfrozen_layers: int
    work: float
    stem: str = ""

    @property
    def about(self) -> dict[str, str | int]:
        """What tells it apart from the other taps of its network."""
        return {"unfrozen_layers": self.unfrozen_layers, **({"stem": self.stem} if self.stem else {})}


@dataclass(eq=False)
class Network:
    """A backbone built once, split wherever a trial asks, and set back to its first weights between trials.

    `first_weights` are copies of the weights as they were loaded. `pace` is the measured time of a forward pass in
    seconds per picture, None until one was measured.
    """

    name: str
    weights: str
    image_size: int
    model: keras.Model
    first_weights: list[Any]
    pace: float | None = None
    _thawed: int = 0
    _runners: dict[tuple[int, tuple[int, ...], str], Any] = field(default_factory=dict)
    _stems: dict[str, Tap] = field(default_factory=dict)

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
    def offered(self) -> tuple[Cut, ...]:
        """The cuts that a search draws from, from the output down."""
        return tuple(self.cut(count) for count in choose_offered(self.cuts))

    @cached_property
    def digest(self) -> str:
        """A hash of the first weights and of the graph: what the features depend on."""
        hashed = sha256(json.dumps(outline(self.model)).encode())
        for weight in self.first_weights:
            hashed.update(weight.tobytes())
        return hashed.hexdigest()[:32]

    @cached_property
    def precision(self) -> str:
        """The number format that its layers compute in."""
        return str(self.model.layers[-1].compute_dtype)

    @property
    def pixels(self) -> Cut:
        """The lowest cut: the pictures themselves."""
        return self.cuts[-1]

    def cut(self, unfrozen_layers: int) -> Cut:
        """Return the cut at or below a count of unfrozen layers."""
        count = snap(unfrozen_layers, [cut.unfrozen_layers for cut in self.cuts])
        return next(cut for cut in self.cuts if cut.unfrozen_layers == count)

    def tap(self, cut: Cut) -> Tap:
        """Return a cut as something to keep."""
        return Tap(cut.tensor, tuple(cut.tensor.shape[1:]), cut.unfrozen_layers, cut.work)

    def stem_tap(self, head: BuiltHead) -> Tap:
        """Return what the trainable layers of a head read, on top of the whole backbone, as something to keep."""
        if head.stem is None:
            return self.tap(self.cuts[0])
        if head.stem_digest not in self._stems:
            tensor = head.stem(self.model.output)
            self._stems[head.stem_digest] = Tap(tensor, tuple(tensor.shape[1:]), 0, 0.0, head.stem_digest)
        return self._stems[head.stem_digest]

    def piece(self, lower: Cut, upper: Cut) -> Piece:
        """Return the part of the backbone between two cuts."""
        return Piece(self.model, lower.tensor, [upper.tensor])

    def runner(self, lower: Cut, taps: Sequence[Tap], number_format: str = "float32") -> keras.Model:
        """Return the model from a cut to the values at some taps above it, with the first weights.

        Its prediction is a list of arrays of that `number_format`.
        """
        key = (lower.unfrozen_layers, tuple(id(tap.tensor) for tap in taps), number_format)
        if key not in self._runners:
            import keras

            whole = keras.Model(self.model.input, [tap.tensor for tap in taps])
            first = {id(weight): value for weight, value in zip(self.model.weights, self.first_weights, strict=True)}
            piece = Piece(whole, lower.tensor, [tap.tensor for tap in taps], first)
            self._runners[key] = _runner_class()(piece, number_format)
        return self._runners[key]

    def reset(self) -> None:
        """Set all weights that may have been trained back to the first ones."""
        trained = {id(weight) for layer in self._above(self.cut(self._thawed)) for weight in layer.weights}
        for weight, value in zip(self.model.weights, self.first_weights, strict=True):
            if id(weight) in trained:
                weight.assign(value)
        self._thawed = 0

    def thaw(self, unfrozen: Cut) -> list[Any]:
        """Let the layers above a cut train and no others; return the variables that do.

        All trials share the layers, so a step must be thawed again before it is traced again.
        """
        above = self._above(unfrozen)
        thawed = {id(layer) for layer in above}
        for layer in self.model.layers:
            layer.trainable = id(layer) in thawed
        self._thawed = max(self._thawed, unfrozen.unfrozen_layers)
        return [weight for layer in above for weight in layer.trainable_variables]

    def anatomy(self) -> Anatomy:
        """Return what the search needs to know, as plain data."""
        return Anatomy(
            backbone=self.name,
            image_size=self.image_size,
            layers=self.pixels.unfrozen_layers,
            parameters=self.model.count_params(),
            feature_shape=tuple(self.model.output_shape[1:]),
            cuts=tuple(cut.unfrozen_layers for cut in self.cuts),
            offered=tuple(cut.unfrozen_layers for cut in self.offered),
            weights=self.weights,
            weights_digest=self.digest,
            work=tuple(round(cut.work, 6) for cut in self.cuts),
        )

    def _above(self, cut: Cut) -> list[Any]:
        return self.piece(cut, self.cuts[0]).layers if cut.unfrozen_layers else []


@dataclass(frozen=True, eq=False)
class Trainee:
    """What trains, from kept features to logits: frozen layers (if any), unfrozen layers, the head.

    `slow` are the pretrained variables that train, at a lower rate than the head.
    """

    model: keras.Model
    slow: list[Any]


def assemble(network: Network, head: keras.Model, cached: Cut, unfrozen: Cut) -> Trainee:
    """Return the trainee: features at `cached` in, logits out; layers above `unfrozen` and the head train."""
    slow = network.thaw(unfrozen)
    pieces = [network.piece(lower, upper) for lower, upper in ((cached, unfrozen), (unfrozen, network.cuts[0]))]
    model = _trainee_class()([piece for piece in pieces if piece.start is not piece.ends[0]], head)
    model.build((None, *cached.tensor.shape[1:]))
    return Trainee(model, slow)


def on_stem(head: BuiltHead, tap: Tap) -> Trainee:
    """Return the trainee of a head alone: what its stem gave in, logits out."""
    model = _trainee_class()([], head.rest)
    model.build((None, *tap.shape))
    return Trainee(model, [])


class _Unread:
    """Stands where Keras keeps the mean of the loss over an epoch, which nobody reads here."""

    def update_state(self, *_: Any, **__: Any) -> None:
        """Keep nothing."""


@cache
def _trainee_class() -> Any:
    import keras

    class TraineeModel(keras.Model):  # type: ignore[misc]
        """Pieces of a backbone, always in inference mode, then the head.

        It is a subclass on purpose: in a functional model `training=True` from outside overrides the
        `training=False` that a nested backbone was called with (Keras 3.15), and BatchNorm would move.

        A step tells the loss and the accuracy of its own batch, straight from the logits. Keras's metrics keep
        variables: a quarter of the time to trace a small head, and of each of its steps, went into those.
        """

        def __init__(self, pieces: list[Piece], head: keras.Model) -> None:
            super().__init__()
            self.backbone = [layer for piece in pieces for layer in piece.layers]  # Keras finds the variables here
            self.head = head
            self._pieces = pieces

        def call(self, features: Any, training: bool | None = None) -> Any:
            features = keras.ops.cast(features, self.compute_dtype)  # uint8 pixels, or half-precision features
            for piece in self._pieces:
                (features,) = piece(features)
            return self.head(features, training=training)

        def compile(self, **settings: Any) -> None:
            super().compile(**settings)
            self._loss_tracker = _Unread()

        @property
        def metrics(self) -> list[Any]:
            return []

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            penalties = [keras.ops.sum(loss) for loss in self.losses]  # of a head's own regularisers
            return sum(penalties, _cross_entropy(y, y_pred, sample_weight))

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
            logits = keras.ops.stop_gradient(y_pred)
            return {"loss": _cross_entropy(y, logits, sample_weight), "accuracy": _accuracy(y, logits)}

    return TraineeModel


def _cross_entropy(targets: Any, logits: Any, weights: Any) -> Any:
    """Return the mean over a batch; each picture counts what `weights` say, where there are some."""
    from keras import ops

    # Keras's own takes five times as many operations, and a head's step more time to trace than to run
    losses = -ops.sum(targets * ops.log_softmax(ops.cast(logits, "float32"), axis=-1), axis=-1)
    return ops.mean(losses if weights is None else losses * ops.cast(weights, "float32"))


def _accuracy(targets: Any, logits: Any) -> Any:
    """Return the share of a batch where the right class has the highest logit, higher than any other's."""
    from keras import ops

    # Keras's argmax takes seventeen operations with TensorFlow, for the sake of negative zeros
    right = ops.cast(targets >= ops.max(targets, axis=-1, keepdims=True), logits.dtype)
    told = ops.sum(right * logits, axis=-1)
    other = ops.max(logits - _FAR * right, axis=-1)
    return ops.mean(ops.cast(told > other, "float32"))


@cache
def _runner_class() -> Any:
    import keras

    class RunnerModel(keras.Model):  # type: ignore[misc]
        """A piece of a backbone alone, for features."""

        def __init__(self, piece: Piece, number_format: str) -> None:
            super().__init__()
            self.backbone = piece.layers
            self._piece, self._format = piece, number_format

        def call(self, features: Any) -> list[Any]:
            made = self._piece(keras.ops.cast(features, self.compute_dtype))
            return [keras.ops.cast(each, self._format) for each in made]

    return RunnerModel


def whole(network: Network, head: keras.Model, temperature: float = 1.0) -> keras.Model:
    """Return the finished model: pixels, 0 to 255, to class probabilities, made of plain Keras layers.

    The logits are divided by `temperature`, which calibrates the probabilities.
    """
    import keras

    network.model.trainable = False  # so that BatchNorm stands still even if the model is trained further
    pixels = keras.Input((network.image_size, network.image_size, 3), name="pixels")
    logits = head(network.model(pixels, training=False), training=False)
    if temperature != 1.0:
        logits = keras.layers.Rescaling(1 / temperature, name="temperature", dtype="float32")(logits)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities", dtype="float32")(logits), name="autotl")
