"""Weights without a network: which files of which backbones are here, and fetching the others while there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from autotl.builtin.download import FetchError, fetch, is_whole, models_folder
from autotl.errors import WeightsError
from autotl.parts import Backbone, Download
from autotl.plugins import Catalogue

State = Literal["present", "missing", "damaged", "built in"]
OnProgress = Callable[[str, int, int], object]
TRIES = 3
_BYTES = 4  # of a parameter, as it is published


@dataclass(frozen=True, slots=True)
class Held:
    """The weights of one backbone: their file (None where they come with the plugin) and whether it is here.

    `bytes` are those of the file, or about those it will have; `checked` tells that its hash was compared.
    """

    backbone: str
    weights: str
    file: str | None
    state: State
    bytes: int | None = None
    checked: bool = False
    problem: str = ""


def folder() -> Path:
    """Return where weights are kept: `models` in `KERAS_HOME`, else in `~/.keras`."""
    return models_folder()


def held(parts: Catalogue, names: Sequence[str] = (), *, thoroughly: bool = False) -> list[Held]:
    """Return what is here of the weights of some backbones, or of all; `thoroughly` compares hashes."""
    return [_held(parts.backbone(name), thoroughly) for name in names or parts.names("backbone")]


def fetch_all(parts: Catalogue, names: Iterable[str], on_progress: OnProgress) -> list[Held]:
    """Download the weights of some backbones, one after the other; what failed is told in `problem`."""
    done = []
    for name in names:
        part = parts.backbone(name)
        if part.download is None:
            done.append(_held(part, thoroughly=False))
            continue
        try:
            _fetch(part.download, partial(on_progress, name))
            done.append(_held(part, thoroughly=True))
        except FetchError as error:
            done.append(Held(name, part.weights, part.download.name, "missing", problem=str(error)))
    return done


def _fetch(wanted: Download, on_progress: Callable[[int, int], object]) -> Path:
    for name in wanted.others:
        if is_whole(folder() / name):
            return folder() / name
    return fetch(wanted.name, wanted.url, folder(), wanted.digest, tries=TRIES, on_progress=on_progress)


def _held(part: Backbone, thoroughly: bool) -> Held:
    wanted = part.download
    if wanted is None:
        if part.needs_download:
            raise WeightsError(f"The backbone {part.name!r} fetches its weights itself, when it is built.")
        return Held(part.name, part.weights, None, "built in")
    for name in (wanted.name, *wanted.others):
        file = folder() / name
        if file.is_file():
            digest = wanted.digest if thoroughly and name == wanted.name else None
            state: State = "present" if is_whole(file, digest) else "damaged"
            return Held(part.name, part.weights, name, state, file.stat().st_size, digest is not None)
    about = None if part.parameters is None else _BYTES * part.parameters
    return Held(part.name, part.weights, wanted.name, "missing", about)
