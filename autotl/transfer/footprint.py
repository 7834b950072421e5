"""How large a whole network is, and how long it takes for one picture when it is used as `predict` uses it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.candidate import Footprint
from autotl.transfer.head import standardised
from autotl.transfer.network import whole

if TYPE_CHECKING:
    import keras

    from autotl.candidate import Candidate
    from autotl.transfer.network import Network
    from autotl.transfer.workshop import Workshop

_BYTES = 4  # of a parameter in float32, as the finished model is saved
_FEWEST, _MOST, _SECONDS = 5, 50, 0.2  # passes, and how long there are more than the fewest


def megabytes(parameters: int) -> float:
    """Return the size of so many float32 parameters in MB (millions of bytes)."""
    return round(_BYTES * parameters / 1e6, 6)


def latency(model: keras.Model) -> float:
    """Return the milliseconds that a model takes for one picture, a batch of one: the median of many passes."""
    one = np.full((1, *model.input_shape[1:]), 128, np.float32)
    for _ in range(2):
        model.predict_on_batch(one)  # traces
    taken: list[float] = []
    while len(taken) < _FEWEST or (len(taken) < _MOST and sum(taken) < _SECONDS):
        began = time.perf_counter()
        model.predict_on_batch(one)
        taken.append(time.perf_counter() - began)
    return round(1000 * median(taken), 4)


@dataclass(frozen=True)
class Scales:
    """Measures networks in one worker; each shape of a head only once.

    With a limit of latency, a backbone is timed whole, with a linear head. Another head is timed alone, and takes what
    it takes more than a linear one: so the backbone, whose tracing takes a second, need not be traced for every head.
    Without such a limit only the finished model is timed: trials need not wait for what nobody asked.
    """

    workshop: Workshop
    _heads: dict[tuple[Any, ...], float] = field(default_factory=dict)

    @property
    def times(self) -> bool:
        """Whether latencies of candidates are measured."""
        return self.workshop.config.max_latency_ms is not None

    @property
    def judges(self) -> bool:
        """Whether candidates may be over a limit."""
        return self.times or self.workshop.config.max_size_mb is not None

    def finished(self, model: keras.Model) -> Footprint:
        """Return the footprint of a whole model; on a GPU, where compiling takes long, timed only for a limit."""
        timed = self.times or not self.workshop.has_gpu
        return Footprint(megabytes(model.count_params()), latency(model) if timed else None)

    def backbone(self, name: str, image_size: int) -> Footprint:
        """Return the footprint of a backbone with a linear head, in float32."""
        mixed, self.workshop.mixed = self.workshop.mixed, False
        try:
            network = self.workshop.network(name, image_size)
            linear = self._linear(network)
            if not self.times:
                return self.trained(network, linear)
            return self.finished(whole(network, linear))
        finally:
            self.workshop.mixed = mixed

    def candidate(self, candidate: Candidate, backbone_ms: float | None) -> Footprint:
        """Return the footprint of a candidate's whole network, on a backbone that takes so long with a linear head."""
        network = self.workshop.network(candidate.backbone, candidate.image_size)
        head = self.workshop.head(network, candidate)
        size = self.trained(network, head).size_mb
        if backbone_ms is None or not self.times:
            return Footprint(size)
        more = self._head(head) - self._head(self._linear(network))
        return Footprint(size, round(max(backbone_ms + more, 0.0), 4))

    def trained(self, network: Network, head: keras.Model) -> Footprint:
        """Return what is known without a measurement of a network that was trained."""
        return Footprint(megabytes(network.model.count_params() + head.count_params()))

    def _head(self, head: keras.Model) -> float:
        shapes = tuple((type(layer).__name__, *(tuple(w.shape) for w in layer.weights)) for layer in head.layers)
        key = (head.input_shape, shapes)
        if key not in self._heads:
            self._heads[key] = latency(head)
        return self._heads[key]

    def _linear(self, network: Network) -> keras.Model:
        import keras

        features = keras.Input(network.model.output_shape[1:])
        averages = keras.layers.GlobalAveragePooling2D()(features)
        classes = len(self.workshop.dataset.classes)
        return standardised(keras.Model(features, keras.layers.Dense(classes, dtype="float32")(averages)))
