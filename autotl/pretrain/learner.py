"""The network in training: a student, what turns its feature map into what is learnt, and the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.pretrain.students import build_student
from autotl.pretrain.targets import Teacher
from autotl.transfer.workshop import compiles

if TYPE_CHECKING:
    import keras

    from autotl.pretrain.settings import PretrainConfig
    from autotl.pretrain.targets import Targets

_SMOOTHING = 0.1
_CLIP = 1.0


@dataclass(frozen=True, eq=False)
class Learner:
    """A student as a backbone, and the compiled model around it that is trained."""

    backbone: keras.Model
    model: keras.Model

    @property
    def variables(self) -> list[Any]:
        """All that training changes, in a fixed order."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def step(self, pixels: NDArray[np.uint8], targets: NDArray[Any], rate: float) -> float:
        """Learn from a batch; return its loss."""
        self.model.optimizer.learning_rate = rate
        return float(self.model.train_on_batch(pixels.astype(np.float32), targets.astype(np.float32)))

    def says(self, pixels: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
        """Return what the model says of pictures, in inference mode."""
        made = []
        for start in range(0, len(pixels), batch):
            block = np.asarray(pixels[start : start + batch], np.float32)
            missing = np.repeat(block[-1:], batch - len(block), axis=0)  # one shape, one trace
            said = self.model.predict_on_batch(np.concatenate([block, missing]))
            made.append(np.asarray(said)[: len(block)])
        return np.concatenate(made)


def build_learner(config: PretrainConfig, targets: Targets) -> Learner:
    """Return a compiled learner with random weights from the seed."""
    import keras

    keras.utils.set_random_seed(config.seed)
    backbone = build_student(config.student, config.width, config.image_size)
    if isinstance(targets, Teacher):
        # zeros: at first nothing is said, which costs 1; random words cost a hundred times that and long to unlearn
        said = keras.layers.Conv2D(targets.shape[-1], 1, kernel_initializer="zeros", name="directions")(backbone.output)
        loss = _unexplained(targets.pooled)
    else:
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
        said = keras.layers.Dense(targets.classes, name="logits")(pooled)
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=_SMOOTHING)
    optimizer = keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=_CLIP)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model = keras.Model(backbone.input, said)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=compiles())
    return Learner(backbone, model)


def _unexplained(pooled: float) -> Any:
    """Return a loss: the share of a teacher's features that a student gets wrong, for each place and for their mean.

    Targets have a mean square length of 1, their mean over places one of `pooled`. So 1 is what knowing nothing
    gives, 0 a perfect copy.
    """
    from keras import ops

    def loss(targets: Any, said: Any) -> Any:
        wrong = said - targets
        by_place = ops.mean(ops.sum(ops.square(wrong), axis=-1), axis=(1, 2))
        of_mean = ops.sum(ops.square(ops.mean(wrong, axis=(1, 2))), axis=-1)
        return 0.5 * (by_place + of_mean / pooled)

    return loss


def measure(learner: Learner, pixels: NDArray[Any], targets: NDArray[Any], batch: int) -> dict[str, float]:
    """Return how well held-out pictures are known: `accuracy`, or the shares of a teacher's features `explained`."""
    said, wanted = learner.says(pixels, batch), np.asarray(targets, np.float32)
    if wanted.ndim == 2:
        return {"accuracy": float((said.argmax(axis=1) == wanted.argmax(axis=1)).mean())}
    wrong, means = said - wanted, wanted.mean(axis=(1, 2))
    return {
        "explained": 1.0 - float(np.square(wrong).sum() / np.square(wanted).sum()),
        "explained_pooled": 1.0 - float(np.square(wrong.mean(axis=(1, 2))).sum() / np.square(means).sum()),
    }
