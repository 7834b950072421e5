"""Model files that try to do harm, for the tests of what reads models: each would leave a marker, or lead elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[dict[str, Any]], Any]


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return path


def with_config(file: Path, path: Path, change: Change) -> Path:
    """Write a copy of a model whose configuration was changed in place."""
    content = members(file)
    config = json.loads(content["config.json"])
    change(config)
    return pack(path, {**content, "config.json": json.dumps(config).encode()})


def with_weights(file: Path, path: Path, change: Callable[[Any], Any]) -> Path:
    """Write a copy of a model whose HDF5 weights were changed in place."""
    import h5py

    content = members(file)
    stream = io.BytesIO(content["model.weights.h5"])
    with h5py.File(stream, "r+") as weights:
        change(weights)
    return pack(path, {**content, "model.weights.h5": stream.getvalue()})


def of_class(config: Any, name: str) -> dict[str, Any]:
    """Return the first object of a class in a configuration."""
    for each in config.values() if isinstance(config, dict) else config:
        if isinstance(each, dict) and each.get("class_name") == name:
            return each
        if isinstance(each, dict | list):
            try:
                return of_class(each, name)
            except LookupError:
                continue
    raise LookupError(name)


def code(marker: Path) -> dict[str, Any]:
    """Return the serialised lambda that makes a file when it is called."""
    from keras.src.utils.python_utils import func_dump

    source, defaults, closure = func_dump(eval(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]"))
    return {"class_name": "__lambda__", "config": {"value": [source, defaults, closure]}}


def lambda_model(path: Path, marker: Path) -> Path:
    """Save a model with a Lambda layer, as Keras itself writes it."""
    import keras

    pixels = keras.Input((8, 8, 3))
    harm = eval(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]")
    features = keras.layers.Lambda(harm, output_shape=(8, 8, 3))(pixels)
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(features))
    keras.Model(pixels, keras.layers.Softmax()(mean)).save(path)
    marker.unlink(missing_ok=True)  # building it ran the code, which is ours
    return path


def classes(marker: Path) -> dict[str, Change]:
    """Return changes of a configuration that ask for classes and functions other than those of layers."""
    touch = {"class_name": "function", "registered_name": "function"}

    def module(name: str, of: str) -> Change:
        return lambda config: of_class(config, "Dense").update(module=of, class_name=name, registered_name=name)

    def initializer(**made: Any) -> Change:
        return lambda config: of_class(config, "Dense")["config"].update(kernel_initializer=made)

    def activation(made: Any) -> Change:
        return lambda config: of_class(config, "Dense")["config"].update(activation=made)

    return {
        "os.system as a layer": module("system", "os"),
        "eval as a layer": module("eval", "builtins"),
        "a class of subprocess as a layer": module("Popen", "subprocess"),
        "a class that nobody registered": lambda config: of_class(config, "Dense").update(
            module=None, registered_name="evil>Layer"
        ),
        "a Lambda layer": lambda config: of_class(config, "Dense").update(
            class_name="Lambda", config={"name": "dense", "function": code(marker)}
        ),
        "a lambda as an activation": activation(code(marker)),
        "eval as an activation": activation({**touch, "module": "builtins", "config": "__import__('os').system"}),
        "os.system as an activation": activation({**touch, "module": "os", "config": "system"}),
        "a download as an activation": activation({**touch, "module": "keras.utils", "config": "get_file"}),
        "another model as an activation": activation({**touch, "module": "keras.models", "config": "load_model"}),
        "a download as an initializer": initializer(
            module="keras.utils",
            class_name="get_file",
            config={"fname": str(marker), "origin": f"file://{__file__}"},
            registered_name=None,
        ),
        "unsafe loading as an initializer": initializer(
            module="keras.config", class_name="enable_unsafe_deserialization", config={}, registered_name=None
        ),
        "a layer that reads a file": lambda config: of_class(config, "Rescaling").update(
            class_name="StringLookup", config={"vocabulary": "/etc/passwd"}
        ),
        "a class named by a list": lambda config: of_class(config, "Dense").update(module=["os"]),
    }


def files(file: Path, folder: Path) -> dict[str, Path]:
    """Write files that are not what they seem, made of a model, and return them by what they are."""
    content = members(file)
    bomb = folder / "bomb.keras"
    pack(bomb, {**content, "model.weights.h5": bytes(80 << 20)})
    (folder / "h5.keras").write_bytes(content["model.weights.h5"])
    (folder / "short.keras").write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (folder / "torn.keras").write_bytes(file.read_bytes().replace(b"class_name", b"class_nome", 1))
    return {
        "a member that climbs out": pack(folder / "climbs.keras", {**content, "../../outside.txt": b"x"}),
        "an asset that climbs out": pack(folder / "assets.keras", {**content, "assets/../../outside.txt": b"x"}),
        "an absolute member": pack(folder / "absolute.keras", {**content, "/tmp/outside.txt": b"x"}),
        "a member that unfolds": bomb,
        "a configuration too deep to read": pack(
            folder / "deep.keras", {**content, "config.json": b"[" * 200_000 + b"]" * 200_000}
        ),
        "no configuration": pack(folder / "none.keras", {"model.weights.h5": content["model.weights.h5"]}),
        "weights that are none": pack(folder / "text.keras", {**content, "model.weights.h5": b"no weights"}),
        "an HDF5 file under this name": folder / "h5.keras",
        "half a file": folder / "short.keras",
        "a member with another checksum": folder / "torn.keras",
    }


def links(outside: Path) -> dict[str, Callable[[Any], Any]]:
    """Return changes of weights that lead elsewhere, or nowhere."""
    import h5py

    def replace(change: Callable[[Any, str], Any]) -> Callable[[Any], Any]:
        def at_first(weights: Any) -> None:
            found: list[str] = []
            weights.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
            del weights[found[0]]
            change(weights, found[0])

        return at_first

    def link(made: Any) -> Callable[[Any], Any]:
        return replace(lambda weights, name: weights.__setitem__(name, made))

    return {
        "a link to another file": link(h5py.ExternalLink(str(outside), "/secret")),
        "a soft link": link(h5py.SoftLink("/elsewhere")),
        "data kept in another file": replace(
            lambda weights, name: weights.create_dataset(name, (3,), "f4", external=[(str(outside), 0, 12)])
        ),
        "a circle": lambda weights: weights["layers"].__setitem__("again", weights["layers"]),
        "a shape that nothing fills": replace(
            lambda weights, name: weights.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=True)
        ),
    }
