"""What a worker keeps warm between trials: backbones, features and compiled steps."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from autotl.transfer.features import Features, OnProgress, Policy, choose_cached
from autotl.transfer.network import Network, Trainee, assemble, build_head
from autotl.transfer.optimizer import two_rates

if TYPE_CHECKING:
    import keras

    from autotl.candidate import Candidate
    from autotl.config import SearchConfig
    from autotl.data import Dataset
    from autotl.plugins import Catalogue
    from autotl.transfer.cuts import Cut
    from autotl.transfer.store import FeatureStore

Key = TypeVar("Key")
Thing = TypeVar("Thing")
KEPT_NETWORKS = 2
KEPT_STEPS = 4
WEIGHT_DECAY = 1e-4


@dataclass(frozen=True, eq=False)
class Step:
    """A compiled trainee with its optimiser, the cuts it reads from and trains above, and the values it began with."""

    trainee: Trainee
    network: Network
    cached: Cut
    unfrozen: Cut
    first_values: list[tuple[Any, Any]]

    def reset(self) -> None:
        """Set everything back, so that a trial does not know what ran before it."""
        self.network.reset()
        self.network.thaw(self.unfrozen)
        for variable, value in self.first_values:
            variable.assign(value)


class Workshop:
    """Builds what trials need and keeps the last few, since building costs seconds and a trial may cost one."""

    def __init__(
        self,
        config: SearchConfig,
        dataset: Dataset,
        catalogue: Catalogue,
        store: FeatureStore,
        on_progress: OnProgress,
    ) -> None:
        self.config = config
        self.dataset = dataset
        self.catalogue = catalogue
        self.features = Features(dataset, store, on_progress)
        self._networks: OrderedDict[tuple[str, int], Network] = OrderedDict()
        self._steps: OrderedDict[str, Step] = OrderedDict()

    def network(self, backbone: str, image_size: int) -> Network:
        """Return a backbone with its first weights; raises WeightsError, UnknownPart."""
        part = self.catalogue.backbone(backbone)
        weights = self.config.weights.get(backbone, part.weights)
        # all trials share a backbone's features, so its own dimensions stay where they are: pinned, or at their default
        pins = {name: self.config.pins.get(f"backbone.{backbone}.{name}") for name in part.space}
        values = {
            name: dimension.first() if pins[name] is None else dimension.read(pins[name], name)
            for name, dimension in part.space.items()
        }

        def build() -> Network:
            import keras

            keras.utils.set_random_seed(self.config.seed)
            return Network.build(part, image_size, weights, **values)

        return _kept(self._networks, (backbone, image_size), KEPT_NETWORKS, build)

    def policy(self, candidate: Candidate) -> Policy | None:
        """Return how a candidate varies its training pictures, None for not at all."""
        part = self.catalogue.augmentation(candidate.augmentation)
        if part.idle:
            return None
        code = self.catalogue.source_digest("augmentation", part.name)
        return Policy(part, candidate.of("augmentation", part.name), self.config.seed, code)

    def step(self, candidate: Candidate, accumulate: int = 1) -> Step:
        """Return a compiled step for a candidate, set to its first values; shared where only numbers differ."""
        shape = [
            candidate.backbone,
            candidate.image_size,
            candidate.unfrozen_layers,
            candidate.head,
            candidate.of("head", candidate.head),
            accumulate,
        ]
        key = json.dumps(shape, sort_keys=True)
        network = self.network(candidate.backbone, candidate.image_size)
        if key in self._steps and self._steps[key].network is not network:
            del self._steps[key]  # its backbone was dropped and built anew
        step = _kept(self._steps, key, KEPT_STEPS, lambda: self._compiled(network, candidate, accumulate))
        step.reset()
        return step

    def _compiled(self, network: Network, candidate: Candidate, accumulate: int) -> Step:
        import keras

        network.reset()
        unfrozen = network.cut(candidate.unfrozen_layers)
        count = len(self.features.pictures)
        cached = choose_cached(network, unfrozen, count, self.features.store.quota)
        keras.utils.set_random_seed(self.config.seed)
        head = self.head(network, candidate)
        trainee = assemble(network, head, cached, unfrozen)
        optimizer = two_rates(trainee.slow, weight_decay=WEIGHT_DECAY, accumulate=accumulate)
        optimizer.build(trainee.model.trainable_variables)
        trainee.model.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=compiles(),
        )
        variables = [*head.variables, *optimizer.variables]
        return Step(trainee, network, cached, unfrozen, [(v, keras.ops.convert_to_numpy(v)) for v in variables])

    def head(self, network: Network, candidate: Candidate) -> keras.Model:
        """Return a fresh head for a candidate."""
        part = self.catalogue.head(candidate.head)
        shape = tuple(network.model.output_shape[1:])
        return build_head(part, candidate, shape, len(self.dataset.classes))


def compiles() -> bool:
    """Return whether XLA pays: on an accelerator, never on a CPU (7 to 10 times slower, measured)."""
    import keras

    return keras.backend.backend() == "jax" or bool(keras.distribution.list_devices("gpu"))


def _kept(kept: OrderedDict[Key, Thing], key: Key, most: int, make: Callable[[], Thing]) -> Thing:
    if key not in kept:
        kept[key] = make()
        while len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]
