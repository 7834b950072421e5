"""Serves weights files to Keras's own loading code: published ones, fetched with care, or a file of the user's."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import autotl
from autotl.builtin.download import FetchError, fetch, is_whole, models_folder
from autotl.builtin.vetting import vet_weights

_one_at_a_time = threading.Lock()


@dataclass
class WeightsServer:
    """Answers the one `get_file` call of a Keras network and remembers which file it gave.

    `local` is a file of the user's, else published weights are fetched. `resolutions` are those a network's
    weights were published for; as they fit any size, the largest is taken, or what is already there.
    """

    backbone: str
    image_size: int
    local: Path | None = None
    resolutions: tuple[int, ...] = ()
    served: list[Path] = field(default_factory=list)
    _ready: dict[str, Path] = field(default_factory=dict)

    def prepare(self, download: autotl.Download) -> None:
        """Fetch published weights now, before the network that wants them is built; raises WeightsError."""
        self._ready[download.name] = self._published(download.name, download.url, download.digest)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Let Keras get its files here; what it cannot read becomes a WeightsError that names the file."""
        import keras

        if self.local is not None and not self.local.is_file():
            raise autotl.WeightsError(f"There is no weights file {self.local} for the backbone {self.backbone!r}.")
        files = sys.modules[keras.utils.get_file.__module__]
        with _one_at_a_time:
            original = files.get_file
            setattr(files, "get_file", self.get_file)  # noqa: B010  (a module attribute, for a while)
            try:
                yield
            except (autotl.AutotlError, MemoryError):
                raise
            except Exception as error:  # HDF5 and Keras raise what they like over a file that does not fit
                if not self.served:
                    raise
                raise autotl.WeightsError(
                    f"{self.served[-1]} does not fit the backbone {self.backbone!r}: {_one_line(error)} "
                    "Expected: the weights that Keras saves for this network without its top."
                ) from error
            finally:
                setattr(files, "get_file", original)  # noqa: B010

    def get_file(self, fname: str, origin: str, file_hash: str | None = None, **_: object) -> str:
        """Return the path of a weights file; called by Keras in place of `keras.utils.get_file`."""
        path = self.local or self._ready.get(fname) or self._published(fname, origin, file_hash)
        self.served.append(path)
        if path == self.local:
            vet_weights(path)
        return str(path)

    def _published(self, name: str, url: str, digest: str | None) -> Path:
        folder = models_folder()
        nearest_first = sorted(self.resolutions, key=lambda size: (size != 224, abs(size - self.image_size)))
        for size in nearest_first:
            if is_whole(folder / of_resolution(name, size)):
                return folder / of_resolution(name, size)
        if nearest_first:
            name, url = of_resolution(name, nearest_first[0]), of_resolution(url, nearest_first[0])
        try:
            return fetch(name, url, folder, digest)
        except FetchError as error:
            raise autotl.WeightsError(
                f"The ImageNet weights of {self.backbone!r} are not here and cannot be downloaded ({error}). "
                f"Put {name} from {url} into {folder}, or use --weights {self.backbone}=PATH."
            ) from error


def of_resolution(name: str, size: int) -> str:
    """Return the name of the file of a MobileNet's weights for another resolution."""
    return re.sub(r"_\d+_((tf_)?no_top\.h5)$", rf"_{size}_\1", name)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:200] + " …"
