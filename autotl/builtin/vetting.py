"""Looks into a stranger's model or weights before Keras does: code, and names that lead elsewhere, are refused.

Keras has a safe mode of its own, which stays on; this does not rely on how much of it an installed version has.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

_MEMBERS = {"config.json", "metadata.json", "model.weights.h5", "labels.json"}
_LARGEST_TEXT = 64 * 2**20  # bytes; the configuration of a network of a thousand layers takes one MiB
_FLOOR, _EXPANSION = 64 * 2**20, 100  # Keras stores weights as they are; deflated ones shrink by a few times at most
_AREAS = {"activations", "constraints", "initializers", "layers", "losses", "metrics", "models", "ops"}
_AREAS |= {"dtype_policies", "optimizers", "quantizers", "random", "regularizers"}
_OF_FUNCTIONS = _AREAS - {"models", "layers", "random", "dtype_policies", "quantizers"}
_OF_NETWORKS = {  # layers of published networks, which Keras keeps beside them
    "keras.src.applications.convnext.LayerScale",
    "keras.src.applications.convnext.StochasticDepth",
    "keras.src.applications.inception_resnet_v2.CustomScaleLayer",
}
_READS_FILES = {"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "TFSMLayer"}
_HINT = "; if you trust a plugin that has it, name its file with --plugin"
_HOLDS_CODE = {"Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}


def vet(file: Path, known: Collection[str] = (), *, weights: bool = True) -> None:
    """Raise ValueError, in a line, unless a `.keras` file holds plain layers of Keras and numbers alone.

    `known` are the registered names of classes that are there already, from plugins. Without `weights`, which take
    longer, only the rest is looked at.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _vet_members(archive)
            config = json.loads(archive.read("config.json"))
            if weights:
                _vet_weights(archive)
    except (KeyError, EOFError, RecursionError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(f"it is not a whole .keras file ({_line(error)})") from None
    if isinstance(config, dict):
        config.pop("compile_config", None)  # of no use here, and Keras is told to leave it
    for each in _objects(config):
        _vet_object(each, known)


def vet_weights(file: Path) -> None:
    """Raise ValueError, in a line, where a file of weights leads to other files or holds more than its size allows."""
    import h5py

    if h5py.is_hdf5(file):
        with h5py.File(file, "r") as content:
            _vet_h5(content, file.stat().st_size)
    elif zipfile.is_zipfile(file):
        vet(file)


def _vet_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    for member in members:
        path = PurePosixPath(member.filename)
        if path.parts[:1] == ("assets",) and ".." not in path.parts and "\\" not in member.filename:
            pass
        elif member.filename not in _MEMBERS:
            raise ValueError(f"it holds {member.filename!r}, which is no part of a .keras file")
        if member.filename.endswith(".json") and member.file_size > _LARGEST_TEXT:
            raise ValueError(f"{member.filename!r} in it unfolds to {member.file_size:,} bytes")
        if member.file_size > max(_FLOOR, _EXPANSION * member.compress_size):
            raise ValueError(f"{member.filename!r} in it unfolds to {member.file_size:,} bytes")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"it holds {min(twice)!r} twice")


def _vet_weights(archive: zipfile.ZipFile) -> None:
    import h5py

    member = archive.getinfo("model.weights.h5")
    stream = io.BytesIO(archive.read(member))  # as Keras does; steps back and forth in an archive take seconds
    try:
        with h5py.File(stream, "r") as content:
            _vet_h5(content, member.file_size)
    except OSError as error:
        raise ValueError(f"its weights are not HDF5 ({_line(error)})") from None


def _vet_h5(group: Any, size: int) -> None:
    """Refuse links that leave the file or go in circles, data kept elsewhere, and shapes that nothing fills."""
    import h5py

    seen, waiting, held = set(), [group], 0
    while waiting:
        here = waiting.pop()
        for name in here:
            if not isinstance(here.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its weights lead elsewhere, at {name!r}")
            item = here[name]
            place = h5py.h5o.get_info(item.id).addr
            if place in seen:
                raise ValueError(f"its weights go in a circle, at {name!r}")
            seen.add(place)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
                raise ValueError(f"its weights lead elsewhere, at {name!r}")
            else:
                held += item.size * item.dtype.itemsize if item.shape is not None else 0
    if held > max(_FLOOR, _EXPANSION * size):
        raise ValueError(f"its weights unfold to {held:,} bytes")


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield everything in a configuration that Keras would make an object or a function of."""
    waiting = [config]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "class_name" in here or "module" in here or "registered_name" in here:
                yield here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _vet_object(made: dict[str, Any], known: Collection[str]) -> None:
    name, module, registered = (made.get(key) for key in ("class_name", "module", "registered_name"))
    if not all(each is None or isinstance(each, str) for each in (name, module, registered)):
        raise ValueError("its configuration names a class by what is no name")
    if registered in known or name in known:
        return
    shown = f"{module}.{name}" if module else f"{name}"
    if name in _HOLDS_CODE:
        raise ValueError(f"it holds code ({shown}), which is never run")
    if name in _READS_FILES:
        raise ValueError(f"its layer {shown} reads other files")
    if name == "function":
        shown = f"{module}.{made.get('config')}"
        if not (module == "builtins" or _area(module) in _OF_FUNCTIONS) or not _is_name(made.get("config")):
            raise ValueError(f"it asks for {shown}, which is no function of a network")
    elif module is not None and not (module == "keras" or _area(module) in _AREAS or shown in _OF_NETWORKS):
        raise ValueError(f"it asks for {shown}, which is not of Keras{_HINT}")
    elif module is not None and not (name and name[0].isupper() and _is_name(name)):
        raise ValueError(f"it asks for {shown}, which is no class of a network")
    if registered not in (None, name, made.get("config")) and name != "function":
        raise ValueError(f"it needs the class {registered!r}, which no plugin here registers{_HINT}")


def _area(module: str | None) -> str:
    """Return the room of Keras that a module is in: "layers" of `keras.layers` and of `keras.src.layers.core.dense`."""
    steps = (module or "").split(".")
    if steps[0] != "keras":
        return ""
    rest = steps[2:] if steps[1:2] == ["src"] else steps[1:]
    return rest[0] if rest else ""


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isidentifier()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
