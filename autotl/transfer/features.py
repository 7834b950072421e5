"""Features of a data set's pictures at a cut, plain or augmented, computed once and read from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.transfer.store import About, FeatureStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.data import Dataset, Picture
    from autotl.parts import Augmentation
    from autotl.space import Value
    from autotl.transfer.cuts import Cut
    from autotl.transfer.network import Network

OnProgress = Callable[[str, int, int], None]
BATCH = 32
WORTH = 4.0
_ENTRY_SHARE = 0.25


@dataclass(frozen=True)
class Policy:
    """How training pictures are varied: an augmentation, its values, the seed, and the hash of its code."""

    part: Augmentation
    values: dict[str, Value]
    seed: int
    code: str

    @property
    def about(self) -> dict[str, str | int]:
        """What makes its pictures differ from another policy's."""
        values = repr(sorted(self.values.items()))
        return {"augmentation": self.part.name, "values": values, "seed": self.seed, "code": self.code}

    def layer(self, view: int) -> Callable[..., Any]:
        """Return the augmentation, seeded for a view, so that the same view is drawn alike everywhere."""
        import keras

        keras.utils.set_random_seed((self.seed * 1009 + view * 9176 + 1) % 2**31)
        return self.part.build(**self.values)


@dataclass
class Features:
    """The rows that trials read: pictures of the training and validation parts, in the data set's order."""

    dataset: Dataset
    store: FeatureStore
    on_progress: OnProgress
    number_format: str = "float16"
    _pixels: dict[int, NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def pictures(self) -> list[Picture]:
        """Training and validation pictures; the test part stays untouched."""
        return [self.dataset.pictures[i] for i in self.dataset.indices("train", "valid")]

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each row."""
        return np.array([picture.label for picture in self.pictures], np.int64)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Return the rows of one part."""
        return np.array([i for i, picture in enumerate(self.pictures) if picture.split == split], np.int64)

    def pixels(self, size: int) -> NDArray[Any]:
        """Return all pictures decoded and resized: `(rows, size, size, 3)` uint8."""
        from PIL import __version__ as pillow

        if size not in self._pixels:
            about: About = {"what": "pixels", "pictures": _names(self.pictures), "size": size, "pillow": pillow}
            shape = (len(self.pictures), size, size, 3)
            self._pixels[size] = self.store.fetch(about, shape, "uint8", lambda: self._decoded(size))
        return self._pixels[size]

    def plain(self, network: Network, cut: Cut) -> NDArray[Any]:
        """Return the features of every row at a cut; at the lowest cut these are the pixels."""
        if network.prefix(cut) is None:
            return self.pixels(network.image_size)
        about = self._about(network, cut, _names(self.pictures))
        shape = (len(self.pictures), *cut.tensor.shape[1:])
        return self.store.fetch(about, shape, self.number_format, lambda: self._forward(network, cut))

    def view(self, network: Network, cut: Cut, policy: Policy, view: int) -> NDArray[Any]:
        """Return the features of the training rows, drawn once more (`view` 1 and up) by an augmentation."""
        rows = self.rows("train")
        drawn = {**policy.about, "view": view, "batch": BATCH}
        about = {**self._about(network, cut, _names([self.pictures[row] for row in rows])), **drawn}
        shape = (len(rows), *cut.tensor.shape[1:])
        return self.store.fetch(
            about, shape, self.number_format, lambda: self._augmented(network, cut, policy, view, rows)
        )

    def _about(self, network: Network, cut: Cut, pictures: str) -> dict[str, str | int | float | bool | None]:
        import keras

        return {
            "what": "features",
            "backbone": network.name,
            "weights": network.digest,
            "size": network.image_size,
            "unfrozen_layers": cut.unfrozen_layers,
            "pictures": pictures,
            "format": self.number_format,
            "keras": f"{keras.__version__} {keras.backend.backend()}",
        }

    def _decoded(self, size: int) -> Iterator[NDArray[Any]]:
        from autotl.data.decode import decode_many

        total = len(self.pictures)
        paths = [picture.path for picture in self.pictures]
        for done, (_, array) in enumerate(decode_many(paths, (size, size)), 1):
            yield array[None]
            self.on_progress(f"Decoding pictures at {size} px", done, total)

    def _forward(self, network: Network, cut: Cut) -> Iterator[NDArray[Any]]:
        start, source = self._nearest(network, cut)
        piece = network.piece(start, cut)
        what = f"Features of {network.name}"
        for done, block in _batches(source):
            yield run(piece, block.astype(np.float32))
            self.on_progress(what, done, len(source))

    def _nearest(self, network: Network, cut: Cut) -> tuple[Cut, NDArray[Any]]:
        """Return the closest cut below that is in the store already, else the pixels."""
        names = _names(self.pictures)
        for lower in network.cuts[:-1]:
            above = lower.unfrozen_layers > cut.unfrozen_layers
            if above and self.store.has(self._about(network, lower, names)):
                return lower, self.plain(network, lower)
        return network.cuts[-1], self.pixels(network.image_size)

    def _augmented(
        self, network: Network, cut: Cut, policy: Policy, view: int, rows: NDArray[np.int64]
    ) -> Iterator[NDArray[Any]]:
        layer, prefix = policy.layer(view), network.prefix(cut)
        pixels = self.pixels(network.image_size)
        what = f"Features of {network.name}, {policy.part.name} view {view}"
        for done, block in _batches(rows):
            drawn = augment(layer, pixels[block])
            yield drawn if prefix is None else run(prefix, drawn)
            self.on_progress(what, done, len(rows))


def augment(layer: Callable[..., Any], pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pictures varied by an augmentation layer, still 0 to 255."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(layer(pixels.astype(np.float32), training=True)))


def run(model: Any, block: NDArray[Any], batch: int = BATCH) -> NDArray[Any]:
    """Return a model's output in inference mode; short blocks are padded, so that one trace serves all."""
    missing = batch - len(block)
    padded = np.concatenate([block, np.repeat(block[-1:], missing, axis=0)]) if missing > 0 else block
    return np.asarray(model.predict_on_batch(padded))[: len(block)]


def choose_cached(network: Network, unfrozen: Cut, pictures: int, quota: int) -> Cut:
    """Return where to cache for a trial: the highest cut below the unfrozen layers that is worth its disk.

    Early feature maps can be larger than the picture. A cut is worth it up to WORTH times the bytes of the
    pixels, and within a share of the quota; else a lower one serves, and the frozen layers between run again
    in each epoch, without gradients.
    """
    below = [cut for cut in network.cuts if cut.unfrozen_layers >= unfrozen.unfrozen_layers]
    pixel_bytes = network.cuts[-1].size
    for cut in below[:-1]:
        worth = 2 * cut.size <= WORTH * pixel_bytes
        if worth and 2 * cut.size * pictures <= _ENTRY_SHARE * quota:
            return cut
    return below[-1]


def _batches(rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(rows), BATCH):
        block = rows[start : start + BATCH]
        yield start + len(block), np.asarray(block)


def _names(pictures: list[Picture]) -> str:
    return sha256("".join(picture.digest for picture in pictures).encode()).hexdigest()[:32]
