"""Finds pictures that show the same: copies, pixel for pixel, and near ones, saved anew or touched up.

Perceptual hashes and sketches propose pairs; both pictures of each are decoded again before anything is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotl.data.decode import Pixels, decode, in_threads
from autotl.data.forest import Forest
from autotl.data.problems import limited
from autotl.errors import DataError

if TYPE_CHECKING:
    from autotl.data.check import Checked

DISTANCE = 8  # bits of 64: pictures saved anew at a poor quality, or at half their size, differed by no more
_SKETCHES = 0.95  # correlation below which a pair is not worth decoding
_SIDE = 32  # pixels that a pair is compared at
_AGREE = 0.85  # share of what shows detail that must agree: 0.9 and more for copies with a pen stroke, while
# neighbouring slices of one CT came to 0.76 and like handwriting to 0.65
_STEADY = 10.0  # grey levels that may differ, less in pale pictures
_DETAIL = 64  # pixels of the 1024 that must show detail for a pair to be compared at all
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, as in a grey copy
_COLOUR = 20.0  # levels that the colours of coloured pictures may differ by
_PALE = 4.0  # levels below which a picture is grey
_ROUNDING = 3.0  # levels that a picture and a reduced decoding of it may differ by on average
_CHUNK = 1024  # pairs looked at at a time
_PATIENCE = 64  # pairs in which a picture may turn out another before it is left alone


@dataclass(frozen=True, slots=True)
class Twins:
    """For each picture the first of those equal to it by pixels (`exact`), and of those that show the same (`near`)."""

    exact: tuple[int, ...]
    near: tuple[int, ...]


def find(paths: Sequence[Path], checked: Sequence[Checked], max_megapixels: float) -> Twins:
    """Return which of the pictures show the same; each is known by its path and by what its check told."""
    exact = Forest(len(paths))
    with limited(max_megapixels):
        _join_copies(paths, checked, exact)
        near = _near(paths, checked, exact)
    return Twins(exact.roots(), near.roots())


def close_pairs(hashes: NDArray[np.uint64], distance: int, block: int = 128) -> Iterator[NDArray[np.int64]]:
    """Yield all pairs (i, j), i < j, of hashes that differ in at most `distance` bits, as arrays `(pairs, 2)`.

    Memory is bounded by the block, whatever the number of hashes.
    """
    for top in range(0, len(hashes), block):
        for left in range(top, len(hashes), 8 * block):
            rows, columns = hashes[top : top + block, None], hashes[None, left : left + 8 * block]
            close = np.bitwise_count(rows ^ columns) <= distance
            if close.any():
                i, j = np.nonzero(close)
                pairs = np.stack([i + top, j + left], axis=1)
                yield pairs[pairs[:, 0] < pairs[:, 1]]


def alike(one: Pixels, other: Pixels) -> bool:
    """Tell whether two small pictures show the same, but for how they were saved, brightness, or a mark on one.

    Both are `(side, side, 3)`. Wherever either shows detail, they are compared after fitting brightness and contrast.
    """
    a, b = (pixels @ _LUMA for pixels in (one, other))
    if min(a.std(), b.std()) < 1.0:
        return False
    gain = a.std() / b.std()
    fitted = (b - b.mean()) * gain + a.mean()
    steady = min(_STEADY, float(a.std()) / 4)
    detailed = (_slope(a) > 0.6 * steady) | (_slope(fitted) > 0.6 * steady)
    if detailed.sum() < _DETAIL or (np.abs(a - fitted)[detailed] < steady).mean() < _AGREE:
        return False
    return _colours_agree(one, other, float(gain))


def _slope(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = np.gradient(grey)
    steep: NDArray[np.float32] = np.hypot(rows, columns)
    return steep


def _colours_agree(one: Pixels, other: Pixels, gain: float) -> bool:
    """Tell whether the colours are the same too, those of `other` taken `gain` times; a grey copy is still a copy."""
    a, b = (pixels - pixels.mean(axis=-1, keepdims=True, dtype=np.float32) for pixels in (one, other))
    if min(_strength(a), _strength(b)) < _PALE:
        return True
    return _strength(a - gain * b) <= _COLOUR


def _strength(colours: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(colours))))


def _join_copies(paths: Sequence[Path], checked: Sequence[Checked], exact: Forest) -> None:
    """Join files of one content, and pictures whose decoded pixels are one; of a part of the pixels, see all first."""
    by_content: dict[object, list[int]] = defaultdict(list)
    for index, each in enumerate(checked):
        by_content[each.digest].append(index)
        by_content[each.pixels, each.whole, each.width, each.height].append(index)
    for key, members in by_content.items():
        for other in members[1:]:
            proven = isinstance(key, str) or checked[other].whole or exact.together(members[0], other)
            if proven or _equal(paths, checked, members[0], other):
                exact.join(members[0], other)


def _near(paths: Sequence[Path], checked: Sequence[Checked], exact: Forest) -> Forest:
    """Return the sets of pictures that show the same; joins those in `exact` that turn out to be copies after all."""
    near = Forest(len(paths))
    for index, root in enumerate(exact.roots()):
        near.join(index, root)
    leaders = [i for i, each in enumerate(checked) if each.hash is not None and exact.root(i) == i]
    if len(leaders) < 2:
        return near
    looks = np.stack([np.frombuffer(checked[i].look, np.uint8) for i in leaders])
    misses = np.zeros(len(paths), np.int64)
    for pairs in _chunks(_undecided(checked, leaders, near), looks):
        asked = [(leaders[i], leaders[j]) for i, j in pairs.tolist()]
        small = _decoded(paths, sorted({index for pair in asked for index in pair}))
        for i, j in asked:
            if i not in small or j not in small or min(misses[i], misses[j]) >= _PATIENCE:
                continue
            if not (near.together(i, j) or alike(small[i], small[j])):
                misses[[i, j]] += 1
                continue
            near.join(i, j)
            if _may_be_equal(checked, small, i, j) and _equal(paths, checked, i, j):
                exact.join(i, j)
    return near


def _undecided(checked: Sequence[Checked], leaders: Sequence[int], near: Forest) -> Iterator[NDArray[np.int64]]:
    """Yield the close pairs that are not in one set yet, or may turn out equal; in a long film these are few."""
    hashes = np.array([checked[i].hash for i in leaders], np.uint64)
    whole = np.array([checked[i].whole for i in leaders])
    sizes = np.array([checked[i].width << 32 | checked[i].height for i in leaders])
    joins, roots = -1, np.array(leaders)
    for block in close_pairs(hashes, DISTANCE):
        for start in range(0, len(block), _CHUNK):
            i, j = block[start : start + _CHUNK].T
            if joins != near.joins:
                joins, roots = near.joins, np.array([near.root(index) for index in leaders])
            is_open = (roots[i] != roots[j]) | ((whole[i] != whole[j]) & (sizes[i] == sizes[j]))
            yield block[start : start + _CHUNK][is_open]


def _may_be_equal(checked: Sequence[Checked], small: Mapping[int, Pixels], i: int, j: int) -> bool:
    """Tell whether all pixels may be equal: where both or neither were decoded whole, the check has seen to it."""
    one, other = checked[i], checked[j]
    if one.whole == other.whole or (one.width, one.height) != (other.width, other.height):
        return False
    return float(np.abs(small[i] - small[j].astype(np.int16)).mean()) < _ROUNDING


def _equal(paths: Sequence[Path], checked: Sequence[Checked], i: int, j: int) -> bool:
    size = (checked[i].height, checked[i].width)
    try:
        return bool(np.array_equal(decode(paths[i], size), decode(paths[j], size)))
    except DataError:  # it was there a moment ago
        return False


def _correlations(looks: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how far the sketches of each pair agree, -1 to 1."""
    left, right = (looks[pairs[:, side]].astype(np.float32) for side in (0, 1))
    for rows in (left, right):
        rows -= rows.mean(axis=1, keepdims=True)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    products: NDArray[np.float32] = np.einsum("ij,ij->i", left, right)
    return products


def _chunks(parts: Iterable[NDArray[np.int64]], looks: NDArray[np.uint8]) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs whose sketches agree, a bounded number at a time."""
    kept: list[NDArray[np.int64]] = []
    for part in parts:
        kept.append(part[_correlations(looks, part) >= _SKETCHES])
        if sum(map(len, kept)) >= _CHUNK // 2:
            yield np.concatenate(kept)
            kept = []
    if kept:
        yield np.concatenate(kept)


def _decoded(paths: Sequence[Path], indices: Sequence[int]) -> dict[int, Pixels]:
    def attempt(index: int) -> Pixels | None:
        try:
            return decode(paths[index], (_SIDE, _SIDE))
        except DataError:
            return None

    made = zip(indices, in_threads(attempt, indices), strict=True)
    return {index: pixels for index, pixels in made if pixels is not None}
