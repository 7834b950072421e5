"""Finds plugins and freezes what they offer into one Catalogue.

Built-ins are registered by dotted name, then each installed entry point of the group "autotl", then single
files (`--plugin FILE`), one by one: a plugin that fails is kept as a value, named, and left out.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, ModuleType

import pluggy

from autotl import hookspecs
from autotl.errors import AutotlError, PluginError, UnknownPart, near_miss
from autotl.parts import Augmentation, Backbone, Exporter, Head, Part
from autotl.space import Dimension

KINDS: Mapping[str, type[Part]] = MappingProxyType(
    {"backbone": Backbone, "head": Head, "augmentation": Augmentation, "exporter": Exporter}
)
BUILTINS = (
    "autotl.builtin.backbones",
    "autotl.builtin.acorn",
    "autotl.builtin.scattering",
    "autotl.builtin.heads",
    "autotl.builtin.augmentations",
    "autotl.builtin.exporters",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One part and the plugin it came from."""

    part: Part
    plugin: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A plugin that could not be used, and why, in one line."""

    plugin: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every part that can be used, by kind and name, and the plugins that failed to give theirs."""

    offers: Mapping[str, Mapping[str, Offer]]
    failures: tuple[Failure, ...] = ()

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of the parts of a kind, sorted."""
        return tuple(self.offers[kind])

    def backbone(self, name: str) -> Backbone:
        """Return a backbone by name; raises UnknownPart."""
        part = self._part("backbone", name)
        assert isinstance(part, Backbone)
        return part

    def head(self, name: str) -> Head:
        """Return a head by name; raises UnknownPart."""
        part = self._part("head", name)
        assert isinstance(part, Head)
        return part

    def augmentation(self, name: str) -> Augmentation:
        """Return an augmentation by name; raises UnknownPart."""
        part = self._part("augmentation", name)
        assert isinstance(part, Augmentation)
        return part

    def exporter(self, name: str) -> Exporter:
        """Return an exporter by name; raises UnknownPart."""
        part = self._part("exporter", name)
        assert isinstance(part, Exporter)
        return part

    def source_digest(self, kind: str, name: str) -> str:
        """Return a hash of the file that defines a part: cached results of older code are not reused."""
        module = sys.modules.get(type(self._part(kind, name)).__module__)
        path = getattr(module, "__file__", None)
        return sha256(Path(path).read_bytes()).hexdigest()[:16] if path else "unknown"

    def _part(self, kind: str, name: str) -> Part:
        offer = self.offers[kind].get(name)
        if offer is None:
            known = ", ".join(self.names(kind)) or "none"
            raise UnknownPart(
                f"No {kind} named {name!r}.{near_miss(name, self.names(kind))} Installed: {known}. "
                "`autotl plugins list` shows them all."
            )
        return offer.part


def catalogue(files: Iterable[Path] = (), without: Iterable[str] = ()) -> Catalogue:
    """Return the parts of all built-ins, installed plugins and `files`, less the plugins in `without`.

    A file is Python, or `.keras`: a saved network, which becomes a backbone.

    Raises PluginError when a file cannot be used (it was asked for by name), or two parts share a name.
    """
    named = {file_plugin(path): path for path in files}
    manager = pluggy.PluginManager("autotl")
    manager.add_hookspecs(hookspecs)
    for name in without:
        manager.set_blocked(name)
    failures: list[Failure] = []
    for dotted in BUILTINS:
        _register(manager, dotted.rpartition(".")[2], partial(importlib.import_module, dotted))
    for entry in sorted(importlib.metadata.entry_points(group="autotl"), key=lambda entry: entry.name):
        failure = _try_register(manager, entry.name, entry.load)
        failures += [failure] if failure else []
    for name, path in named.items():
        failure = _try_register(manager, name, partial(_saved if path.suffix == ".keras" else load_file, path))
        failures += [failure] if failure else []
    found = collect(manager, failures)
    for failure in found.failures:
        if failure.plugin in named:
            raise PluginError(f"The plugin {named[failure.plugin]} cannot be used: {failure.reason}")
    return found


def file_plugin(path: Path) -> str:
    """Return what a single file is called as a plugin: its stem, or its whole name where that is taken."""
    stem = path.resolve().parent.name if path.stem == "__init__" else path.stem
    taken = {dotted.rpartition(".")[2] for dotted in BUILTINS}
    taken |= {entry.name for entry in importlib.metadata.entry_points(group="autotl")}
    return f"{stem}.py" if stem in taken else stem


def collect(manager: pluggy.PluginManager, failures: Iterable[Failure] = ()) -> Catalogue:
    """Ask every hook of `manager` and freeze the answers; raises PluginError when two parts share a name."""
    found: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
    failed = list(failures)
    for kind, contract in KINDS.items():
        for hook in getattr(manager.hook, kind + "s").get_hookimpls():
            try:
                parts = [_checked(part, contract) for part in hook.function()]
            except (Exception, SystemExit) as error:  # a stranger's code: whatever it raises leaves it out
                failed.append(Failure(hook.plugin_name, f"{kind}s() failed: {_one_line(error)}"))
                continue
            for part in parts:
                _add(found[kind], part, hook.plugin_name)
    frozen = {kind: MappingProxyType(dict(sorted(parts.items()))) for kind, parts in found.items()}
    return Catalogue(MappingProxyType(frozen), tuple(failed))


def load_file(path: Path) -> ModuleType:
    """Import a single file as a module; raises PluginError when there is none."""
    if not path.is_file():
        raise PluginError(f"There is no file {path}.")
    name = f"autotl_plugin_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _saved(path: Path) -> object:
    """Return a plugin that offers the backbone of a `.keras` file."""
    plugin: object = importlib.import_module("autotl.builtin.saved").SavedPlugin(path)
    return plugin


def _try_register(manager: pluggy.PluginManager, name: str, load: Callable[[], object]) -> Failure | None:
    try:
        _register(manager, name, load)
    except (Exception, SystemExit) as error:  # a stranger's code, again
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return Failure(name, _one_line(error))
    return None


def _register(manager: pluggy.PluginManager, name: str, load: Callable[[], object]) -> None:
    if manager.is_blocked(name):
        return
    manager.register(load(), name)
    manager.check_pending()  # a misspelt hook registers without a word, unless asked


def _checked(part: object, contract: type[Part]) -> Part:
    if not isinstance(part, contract):
        raise PluginError(f"{part!r} is not {contract.__module__.split('.')[0]}.{contract.__name__}.")
    if not isinstance(getattr(part, "name", None), str) or not part.name:
        raise PluginError(f"{type(part).__name__} has no name.")
    if not isinstance(part.space, Mapping) or not all(isinstance(each, Dimension) for each in part.space.values()):
        raise PluginError(f"The space of {part.name!r} is {part.space!r}; expected names to Int, Float or Choice.")
    return part


def _add(parts: dict[str, Offer], part: Part, plugin: str) -> None:
    if part.name in parts:
        raise PluginError(
            f"Plugins {parts[part.name].plugin!r} and {plugin!r} both offer a {part.kind} named {part.name!r}. "
            "Disable one with --without."
        )
    parts[part.name] = Offer(part, plugin)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, AutotlError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
