"""Reads every file once: its hash and size, how it looks, what is odd about it, and whether all of it can be read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image

from autotl.data.colour import to_rgb
from autotl.data.dataset import MEGAPIXELS
from autotl.data.decode import FORMATS, OnProgress, hush, in_threads, is_sideways, turn_of
from autotl.data.problems import limited, problem, require_file
from autotl.data.traits import shaped, stored

LOOK = 16  # pixels a side of the grey sketch that is kept of each picture
_ENOUGH = (32, 32)  # pixels that a hash is taken from: a JPEG is decoded at an eighth where that leaves so many
_FLAT = 10  # grey levels that a sketch must span: less shows nothing that could be compared


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file was found to be; `problem` says why it cannot be used, and `kind` of what kind that is.

    `width` and `height` are in pixels, as displayed. `pixels` is a hash of the pixels decoded, which are all of
    them where it is `whole`. `hash` is a perceptual one, None for a picture that shows nothing; `look` is a grey
    sketch. `traits` are (kind of finding, detail).
    """

    digest: str
    width: int = 0
    height: int = 0
    problem: str = ""
    kind: str = ""
    traits: tuple[tuple[str, str], ...] = ()
    pixels: str = ""
    whole: bool = False
    hash: int | None = None
    look: bytes = b""


def check(
    paths: Sequence[Path], on_progress: OnProgress | None = None, *, max_megapixels: float = MEGAPIXELS
) -> Iterator[Checked]:
    """Yield what each file was found to be, in order, reading in threads."""
    hush()
    with limited(max_megapixels):
        yield from in_threads(check_one, paths, on_progress)


def check_one(path: Path) -> Checked:
    """Read one file whole and return what it was found to be; never raises."""
    try:
        require_file(path)
        content = path.read_bytes()
    except (Exception, MemoryError) as error:
        kind, words = problem(error)
        return Checked("", problem=words, kind=kind)
    if not content:
        return Checked("", problem="it is empty", kind="empty_file")
    digest = _digest(content)
    try:
        return _looked_at(path, content, digest)
    except (Exception, MemoryError) as error:  # Pillow lets the errors of many decoders through
        kind, words = problem(error, content)
        return Checked(digest, problem=words, kind=kind)


def digest_of(path: Path) -> str:
    """Return the hash of a file that a check would tell, nothing where it cannot be read."""
    try:
        require_file(path)
        return _digest(path.read_bytes())
    except (Exception, MemoryError):
        return ""


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _looked_at(path: Path, content: bytes, digest: str) -> Checked:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        size, traits = image.size, stored(image, path)
        image.draft(None, _ENOUGH)  # a JPEG at an eighth of its size: as sure to notice a cut, and faster
        image.load()
        whole, turn = image.size == size, turn_of(image)
        if image.has_transparency_data:
            traits.append(("alpha", ""))
        upright = to_rgb(image)  # of any colour mode, so that none can surprise later
    if turn is not None:
        upright = upright.transpose(turn)
        traits.append(("rotated", ""))
    width, height = reversed(size) if is_sideways(turn) else size
    traits += shaped(width, height)
    pixels = blake2b(upright.tobytes(), digest_size=16).hexdigest()
    code, look = _look(upright)
    return Checked(digest, width, height, traits=tuple(traits), pixels=pixels, whole=whole, hash=code, look=look)


def _look(image: Image.Image) -> tuple[int | None, bytes]:
    """Return the perceptual hash of a picture, None where it shows nothing, and its sketch."""
    import imagehash

    fold = min(image.size) // (2 * _ENOUGH[0])
    grey = (image.reduce(fold) if fold > 1 else image).convert("L")
    look = grey.resize((LOOK, LOOK), Image.Resampling.BOX).tobytes()
    if max(look) - min(look) < _FLAT:
        return None, look
    bits = imagehash.phash(grey).hash
    return int.from_bytes(np.packbits(bits).tobytes()), look
