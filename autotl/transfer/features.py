"""Features of a data set's pictures at a cut, plain or augmented, computed once and read from the store."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from autotl.errors import TimeUp
from autotl.transfer.planner import Plan
from autotl.transfer.store import About, FeatureStore, Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autotl.data import Dataset, Picture
    from autotl.parts import Augmentation
    from autotl.space import Value
    from autotl.transfer.cuts import Cut
    from autotl.transfer.network import Network, Tap

OnProgress = Callable[[str, int, int], None]
BATCH = 32
_REVISION = 2  # of how features are computed: raised when they change, so that what was kept before is not read


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
    """The rows that trials read: pictures of the training and validation parts, in the data set's order.

    What is not there is computed, but not past `until`, a moment of `time.monotonic()`: then TimeUp is raised.
    """

    dataset: Dataset
    store: FeatureStore
    on_progress: OnProgress
    number_format: str = "float16"
    until: float = math.inf
    _pixels: dict[int, NDArray[Any]] = field(default_factory=dict)
    _warm: set[int] = field(default_factory=set)

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

    @contextmanager
    def within(self, until: float) -> Iterator[None]:
        """Compute nothing past a moment, for as long as this lasts."""
        self.until = until
        try:
            yield
        finally:
            self.until = math.inf

    def plain(self, network: Network, tap: Tap) -> NDArray[Any]:
        """Return the values of every row at a tap; at the lowest cut these are the pixels."""
        if _is_pixels(network, tap):
            return self.pixels(network.image_size)
        names = _names(self.pictures)
        wanted = self._wanted(network, tap, names, len(self.pictures))
        kept = self.store.find(wanted)
        if kept is not None:
            return kept
        source = self._nearest(network, tap, names)
        start = self.plain(network, network.tap(source))
        taps = [tap, *self._extras(network, tap, source, len(self.pictures))]
        what = f"Features of {network.name}"

        def blocks(missing: Sequence[Wanted]) -> Iterator[Sequence[NDArray[Any]]]:
            chosen, wide = _chosen(taps, missing), _widest(missing)
            for done, block in _batches(start):
                yield self._run(network, source, chosen, wide, block)
                self._told(what, done, len(start))

        wanted_all = [self._wanted(network, each, names, len(self.pictures)) for each in taps]
        return self.store.fetch_all(wanted_all, blocks)[0]

    def view(self, network: Network, tap: Tap, policy: Policy, view: int) -> NDArray[Any]:
        """Return the values of the training rows, drawn once more (`view` 1 and up) by an augmentation."""
        rows = self.rows("train")
        names = _names([self.pictures[row] for row in rows])
        drawn: About = {**policy.about, "view": view, "batch": BATCH}
        taps = [tap, *self._extras(network, tap, network.pixels, len(rows))]
        wanted = [self._wanted(network, each, names, len(rows), drawn) for each in taps]
        kept = self.store.find(wanted[0])
        if kept is not None:
            return kept

        def blocks(missing: Sequence[Wanted]) -> Iterator[Sequence[NDArray[Any]]]:
            chosen, layer = _chosen(taps, missing), policy.layer(view)
            pixels = self.pixels(network.image_size)
            what = f"Features of {network.name}, {policy.part.name} view {view}"
            for done, block in _batches(rows):
                yield self._run(network, network.pixels, chosen, _widest(missing), augment(layer, pixels[block]))
                self._told(what, done, len(rows))

        return self.store.fetch_all(wanted, blocks)[0]

    def plan(self, network: Network, epochs: int, pictures: int | None = None) -> Plan:
        """Return what decides where features of a network are kept."""
        return Plan(pictures or len(self.pictures), epochs, self.store.quota, network.pace)

    def _wanted(self, network: Network, tap: Tap, pictures: str, rows: int, drawn: About | None = None) -> Wanted:
        import keras

        about: About = {
            "what": "features",
            "revision": _REVISION,
            "backbone": network.name,
            "weights": network.digest,
            "size": network.image_size,
            **tap.about,
            "pictures": pictures,
            "format": self.number_format,
            "precision": network.precision,
            "keras": f"{keras.__version__} {keras.backend.backend()}",
            **(drawn or {}),
        }
        return Wanted(about, (rows, *tap.shape), self.number_format)

    def _extras(self, network: Network, tap: Tap, source: Cut, pictures: int) -> list[Tap]:
        """Return the cuts that trials may ask for and that the way to `tap` comes through anyway."""
        passed = [cut for cut in network.offered if tap.stem or cut.unfrozen_layers > tap.unfrozen_layers]
        return [network.tap(cut) for cut in self.plan(network, 1, pictures).extras(passed, source)]

    def _nearest(self, network: Network, tap: Tap, pictures: str) -> Cut:
        """Return the closest cut below that is in the store already, else the pixels."""
        for lower in network.cuts[:-1]:
            below = lower.unfrozen_layers > tap.unfrozen_layers or (tap.stem and not lower.unfrozen_layers)
            if below and self.store.has(self._wanted(network, network.tap(lower), pictures, len(self.pictures)).about):
                return lower
        return network.pixels

    def _run(
        self, network: Network, source: Cut, taps: Sequence[Tap], number_format: str, block: NDArray[Any]
    ) -> Sequence[NDArray[Any]]:
        """Return the values of a block of pictures at some taps, and note how long a forward pass takes."""
        runner = network.runner(source, taps, number_format)
        began = time.perf_counter()
        made = run(runner, block.astype(np.float32) if block.dtype == np.uint8 else block)
        share = source.work - min(tap.work for tap in taps)
        if id(runner) in self._warm and share > 0.5 and len(block) == BATCH:
            pace = (time.perf_counter() - began) / len(block) / share
            network.pace = pace if network.pace is None else min(network.pace, pace)
        self._warm.add(id(runner))  # its first batch was spent on tracing
        return made

    def _told(self, what: str, done: int, total: int) -> None:
        self.on_progress(what, done, total)
        if time.monotonic() > self.until and done < total:
            raise TimeUp("The time was up while its features were computed.")

    def _decoded(self, size: int) -> Iterator[NDArray[Any]]:
        from autotl.data.decode import decode_many

        total = len(self.pictures)
        paths = [picture.path for picture in self.pictures]
        for done, (_, array) in enumerate(decode_many(paths, (size, size)), 1):
            yield array[None]
            self.on_progress(f"Decoding pictures at {size} px", done, total)


def augment(layer: Callable[..., Any], pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pictures varied by an augmentation layer, still 0 to 255."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(layer(pixels.astype(np.float32), training=True)))


def run(model: Any, block: NDArray[Any], batch: int = BATCH) -> list[NDArray[Any]]:
    """Return a model's outputs in inference mode; short blocks are padded, so that one trace serves all."""
    missing = batch - len(block)
    padded = np.concatenate([block, np.repeat(block[-1:], missing, axis=0)]) if missing > 0 else block
    made = model.predict_on_batch(padded)
    return [np.asarray(each)[: len(block)] for each in (made if isinstance(made, list | tuple) else [made])]


def _is_pixels(network: Network, tap: Tap) -> bool:
    return tap.tensor is network.pixels.tensor


def _chosen(taps: Sequence[Tap], missing: Sequence[Wanted]) -> list[Tap]:
    """Return the taps of the entries that are missing, in their order."""
    known = {(tap.unfrozen_layers, tap.stem): tap for tap in taps}
    return [known[int(each.about["unfrozen_layers"] or 0), str(each.about.get("stem", ""))] for each in missing]


def _widest(wanted: Sequence[Wanted]) -> str:
    return max((each.dtype for each in wanted), key=lambda dtype: np.dtype(dtype).itemsize)


def _batches(rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(rows), BATCH):
        block = rows[start : start + BATCH]
        yield start + len(block), np.asarray(block)


def _names(pictures: list[Picture]) -> str:
    return sha256("".join(picture.digest for picture in pictures).encode()).hexdigest()[:32]
