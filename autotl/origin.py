"""Where a run comes from: command, versions, code and weights of what takes part; and what of it has changed since."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotl.errors import RunError
from autotl.events import Note, Watcher
from autotl.folder import RunFolder, write_whole
from autotl.plugins import BUILTINS

if TYPE_CHECKING:
    from autotl.candidate import Anatomy
    from autotl.config import SearchConfig
    from autotl.data import Dataset
    from autotl.plugins import Catalogue

_PACKAGES = ("autotl", "keras", "numpy", "optuna", "pillow", "scikit-learn")
_BUILT_IN = {dotted.rpartition(".")[2] for dotted in BUILTINS}


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a search in its run folder."""

    began: str
    command: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """What the trials of a run rest on: the fingerprint of its data, and hashes of code and weights.

    `code` is by part ("head dense"), `weights` by backbone; `plugins` tells which plugin offers a part.
    """

    data: str
    code: dict[str, str]
    plugins: dict[str, str]
    weights: dict[str, str] = field(default_factory=dict)
    sessions: tuple[Session, ...] = ()

    def save(self, folder: RunFolder) -> None:
        """Write it to the run folder."""
        write_whole(folder.origin, json.dumps(asdict(self), indent=1))


def read(folder: RunFolder) -> Origin | None:
    """Return what an earlier session wrote, None where there was none; raises RunError when it cannot be read."""
    if not folder.origin.is_file():
        return None
    try:
        plain = json.loads(folder.origin.read_text("utf-8"))
        hashes = {name: _texts(plain[name]) for name in ("code", "plugins", "weights")}
        sessions = (Session(each["began"], each["command"], _texts(each["versions"])) for each in plain["sessions"])
        return Origin(str(plain["data"]), **hashes, sessions=tuple(sessions))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{folder.origin} cannot be read: {error}. Start a new search with --out, or delete it to go on unchecked."
        ) from None


def begin(folder: RunFolder, config: SearchConfig, dataset: Dataset, parts: Catalogue, names: Iterable[str]) -> Origin:
    """Return what a search that begins now rests on; `names` are those of its parts, such as "head dense".

    A run that goes on keeps what it began with. Raises RunError when the code of a plugin's part has changed since.
    """
    before = read(folder)
    session = Session(datetime.now(UTC).isoformat(timespec="seconds"), command(config), versions())
    if before is None or not folder.study.is_file():  # no trial has begun
        return _with_code(Origin(dataset.fingerprint, {}, {}, sessions=(session,)), parts, names)
    _check_code(before, parts)
    return replace(before, sessions=(*before.sessions, session))


def tell_versions(origin: Origin, tell: Watcher) -> None:
    """Warn when the latest session has other versions than the one before it."""
    if len(origin.sessions) < 2:
        return
    before, now = (session.versions for session in origin.sessions[-2:])
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    changes = [f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}" for name in names]
    if changes:
        tell(Note(f"Changed since this search began: {', '.join(changes)}. Scores may differ a little.", warning=True))


def same_parts(origin: Origin, names: Mapping[str, tuple[str, ...]], tell: Watcher) -> dict[str, tuple[str, ...]]:
    """Return the names of parts less those that were not there when the run began: a study cannot take them in."""
    new = [
        (kind, name) for kind in ("head", "augmentation") for name in names[kind] if f"{kind} {name}" not in origin.code
    ]
    if new:
        tell(_left_out([name for _, name in new]))
    return {kind: tuple(name for name in those if (kind, name) not in new) for kind, those in names.items()}


def same_backbones(
    origin: Origin, folder: RunFolder, anatomies: Mapping[str, Anatomy], parts: Catalogue, tell: Watcher
) -> dict[str, Anatomy]:
    """Return the backbones that a run began with, and note what the weights of new runs are.

    Raises RunError when the weights of one have changed, or cannot be had any more.
    """
    if not origin.weights:
        found = {name: anatomy.weights_digest for name, anatomy in anatomies.items()}
        now = replace(origin, weights=found)
        _with_code(now, parts, [f"backbone {name}" for name in found]).save(folder)
        return dict(anatomies)
    gone = [name for name in origin.weights if name not in anatomies]
    if gone:
        raise RunError(
            f"The search began with the backbone {gone[0]!r}, which cannot be had now. "
            "Bring its weights or its plugin back, or start a new search with --out."
        )
    for name, digest in origin.weights.items():
        if anatomies[name].weights_digest != digest:
            raise RunError(
                f"The weights of the backbone {name!r} are others than those that the search began with. "
                "Bring the old ones back, or start a new search with --out."
            )
    new = [name for name in anatomies if name not in origin.weights]
    if new:
        tell(_left_out(new))
    return {name: anatomy for name, anatomy in anatomies.items() if name in origin.weights}


def command(config: SearchConfig) -> str:
    """Return what was called: the command line, or the call from Python."""
    program = Path(sys.argv[0])
    if program.stem == "autotl" or program.parts[-2:] == ("autotl", "__main__.py"):
        return shlex.join(["autotl", *sys.argv[1:]])
    said = {name: value for name, value in config.model_dump(exclude_defaults=True).items() if name != "data"}
    return f"autotl.search({', '.join([repr(config.data), *(f'{name}={value!r}' for name, value in said.items())])})"


def versions() -> dict[str, str]:
    """Return the versions that a result depends on, without importing what they are of."""
    backend = _backend()
    made = {"python": platform.python_version(), "platform": platform.platform(), "backend": backend}
    for package in (*_PACKAGES, backend):
        try:
            made[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # the backend may be installed under another name, autotl not at all
    return made


def _backend() -> str:
    """Return the backend that Keras will choose."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        told = json.loads((home / "keras.json").read_text("utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        told = None
    return os.environ.get("KERAS_BACKEND") or str(told or "tensorflow")


def _with_code(origin: Origin, parts: Catalogue, names: Iterable[str]) -> Origin:
    pairs = [name.split(" ", 1) for name in names]
    code = {f"{kind} {name}": parts.source_digest(kind, name) for kind, name in pairs}
    plugins = {f"{kind} {name}": parts.offers[kind][name].plugin for kind, name in pairs}
    return replace(origin, code={**origin.code, **code}, plugins={**origin.plugins, **plugins})


def _check_code(before: Origin, parts: Catalogue) -> None:
    """Raise RunError for plugins alone: what is built in changes with the version of autotl, which is told."""
    for part, digest in before.code.items():
        kind, _, name = part.partition(" ")
        plugin = before.plugins.get(part, "")
        offer = parts.offers.get(kind, {}).get(name)
        if offer is None:
            raise RunError(
                f"The search began with the {kind} {name!r} of the plugin {plugin!r}, which is gone. "
                "Bring it back, or start a new search with --out."
            )
        if offer.plugin not in _BUILT_IN and parts.source_digest(kind, name) != digest:
            raise RunError(
                f"The code of the {kind} {name!r}, of the plugin {offer.plugin!r}, has changed since the search began. "
                "Keep the old plugin, or start a new search with --out."
            )


def _left_out(names: Iterable[str]) -> Note:
    return Note(f"Left out, since the search began without: {', '.join(names)}. To try, start a new one with --out.")


def _texts(plain: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in plain.items()}
