"""What a worker keeps warm between trials: backbones, features and compiled steps."""

from __future__ import annotations

import json
import os
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from autotl.transfer.features import Features, OnProgress, Policy
from autotl.transfer.head import BuiltHead, build_head, split
from autotl.transfer.network import Network, Tap, Trainee, assemble, on_stem
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
_BFLOAT16_CAPABILITY = 8.0
_ENOUGH_CORES = 8
KEPT_HEADS = 8
KEPT_STEPS = 4


@dataclass(frozen=True, eq=False)
class Fit:
    """A compiled trainee that reads the rows of a tap."""

    trainee: Trainee
    tap: Tap

    @property
    def optimizer(self) -> Any:
        """What moves its weights, by steps of two rates."""
        return self.trainee.model.optimizer


@dataclass(frozen=True, eq=False)
class Step:
    """What trains a candidate: its head alone on frozen features, then (if any are) unfrozen layers and head together.

    `variables` are all that a trial may change and keeps: unfrozen layers', then the head's.
    """

    network: Network
    head: BuiltHead
    unfrozen: Cut
    alone: Fit
    together: Fit | None

    @property
    def variables(self) -> list[Any]:
        """What a trial trains and keeps, in a fixed order."""
        return [*self._slow, *self.head.model.weights]

    @property
    def moving(self) -> list[Any]:
        """All that training changes: what is kept, the states of the head's dropout, the optimisers."""
        fits = [self.alone, *([self.together] if self.together else [])]
        return [
            *self._slow,
            *self.head.model.variables,
            *(variable for fit in fits for variable in fit.optimizer.variables),
        ]

    @property
    def _slow(self) -> list[Any]:
        return [] if self.together is None else self.together.trainee.slow

    def reset(self) -> None:
        """Set everything back, so that a trial does not know what ran before it."""
        self.network.reset()
        self.network.thaw(self.unfrozen)
        self.head.reset()
        self.alone.optimizer.reset()
        if self.together is not None:
            self.together.optimizer.reset()


class Workshop:
    """Builds what trials need and keeps the last few, since building costs seconds and a trial may cost one.

    `mixed` tells that backbones compute in bfloat16, with weights in float32; heads always compute in float32.
    """

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
        self.mixed = config.precision == "mixed" or (config.precision == "auto" and has_fast_bfloat16())
        self.has_free_cores = has_free_cores(config.workers or 1)
        self.has_gpu = has_gpu()
        self._networks: OrderedDict[tuple[str, int, bool], Network] = OrderedDict()
        self._heads: OrderedDict[tuple[Any, ...], tuple[BuiltHead, Fit]] = OrderedDict()
        self._steps: OrderedDict[tuple[Any, ...], Step] = OrderedDict()

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
            with precision(self.mixed):
                return Network.build(part, image_size, weights, **values)

        network = _kept(self._networks, (backbone, image_size, self.mixed), KEPT_NETWORKS, build)
        for kept in (self._heads, self._steps):  # of a backbone that was dropped nothing stays
            for key in [key for key in kept if key[0] not in self._networks.values()]:
                del kept[key]
        return network

    def policy(self, candidate: Candidate) -> Policy | None:
        """Return how a candidate varies its training pictures, None for not at all."""
        part = self.catalogue.augmentation(candidate.augmentation)
        if part.idle:
            return None
        code = self.catalogue.source_digest("augmentation", part.name)
        return Policy(part, candidate.of("augmentation", part.name), self.config.seed, code)

    def step(self, candidate: Candidate, accumulate: int = 1) -> Step:
        """Return a compiled step for a candidate, set to its first values; shared where only numbers differ."""
        network = self.network(candidate.backbone, candidate.image_size)
        head, alone = self._alone(network, candidate, accumulate)
        cached = self._cached(network, candidate)
        key = (network, head, candidate.unfrozen_layers, cached.unfrozen_layers, accumulate)
        step = _kept(self._steps, key, KEPT_STEPS, lambda: self._together(network, head, alone, candidate, accumulate))
        step.reset()
        return step

    def head(self, network: Network, candidate: Candidate) -> keras.Model:
        """Return a fresh head for a candidate, as a model from feature maps to logits."""
        part = self.catalogue.head(candidate.head)
        shape = tuple(network.model.output_shape[1:])
        return build_head(part, candidate, shape, len(self.dataset.classes))

    def _alone(self, network: Network, candidate: Candidate, accumulate: int) -> tuple[BuiltHead, Fit]:
        """Return a candidate's head and what trains it on frozen features; all depths of unfreezing share both."""
        import keras

        values = json.dumps(candidate.of("head", candidate.head), sort_keys=True)
        average = candidate.number("ema", 0.0) > 0

        def build() -> tuple[BuiltHead, Fit]:
            keras.utils.set_random_seed(self.config.seed)
            head = split(self.head(network, candidate))
            tap = network.stem_tap(head)
            network.reset()
            head.standardise(self.features.plain(network, tap), self.features.rows("train"))
            return head, self._compiled(on_stem(head, tap), tap, average, accumulate)

        return _kept(self._heads, (network, candidate.head, values, average, accumulate), KEPT_HEADS, build)

    def _together(self, network: Network, head: BuiltHead, alone: Fit, candidate: Candidate, accumulate: int) -> Step:
        unfrozen = network.cut(candidate.unfrozen_layers)
        if not unfrozen.unfrozen_layers:
            return Step(network, head, unfrozen, alone, None)
        cached = self._cached(network, candidate)
        trainee = assemble(network, head.model, cached, unfrozen)
        average = candidate.number("ema", 0.0) > 0
        together = self._compiled(trainee, network.tap(cached), average, accumulate)
        return Step(network, head, unfrozen, alone, together)

    def _cached(self, network: Network, candidate: Candidate) -> Cut:
        """Return the cut whose features a candidate's unfrozen layers read."""
        unfrozen = network.cut(candidate.unfrozen_layers)
        return self.features.plan(network, candidate.epochs).cached([*network.offered, network.pixels], unfrozen)

    def _compiled(self, trainee: Trainee, tap: Tap, average: bool, accumulate: int) -> Fit:
        optimizer = two_rates(trainee.slow, accumulate=accumulate, averages=average)
        optimizer.build(trainee.model.trainable_variables)
        trainee.model.compile(optimizer=optimizer, jit_compile=compiles())
        return Fit(trainee, tap)


def compiles() -> bool:
    """Return whether XLA pays: on an accelerator, never on a CPU (7 to 10 times slower, measured)."""
    import keras

    return has_gpu() or str(keras.backend.backend()) == "jax"  # which has no other way; torch runs as it is written


def has_gpu() -> bool:
    """Return whether Keras computes on a GPU; with torch it says nothing of devices."""
    import keras

    if keras.backend.backend() == "torch":
        return False
    return any("gpu" in device.lower() for device in keras.distribution.list_devices())


def has_free_cores(workers: int) -> bool:
    """Return whether views may be computed while a trial trains: there is a GPU, or more cores than small steps use."""
    return (os.cpu_count() or 1) / workers >= (2 if has_gpu() else _ENOUGH_CORES)


def has_fast_bfloat16() -> bool:
    """Return whether there is a GPU that is fast in bfloat16: NVIDIA's of compute capability 8 and up."""
    if not has_gpu():
        return False
    asked = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.split()
        return all(float(capability) >= _BFLOAT16_CAPABILITY for capability in told) and bool(told)
    except (OSError, ValueError, subprocess.SubprocessError):
        return False  # another make of GPU: float32 is right everywhere


@contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Build layers that compute in bfloat16, or in float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _kept(kept: OrderedDict[Key, Thing], key: Key, most: int, make: Callable[[], Thing]) -> Thing:
    if key not in kept:
        kept[key] = make()
        while len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]
