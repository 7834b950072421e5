"""The class names and the picture size that travel with a model, told inside its file or in one beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotl.errors import RunError

_LARGEST_FILE = 64 * 2**20  # bytes
_LARGEST_SIDE = 4096  # pixels; what a file tells is not believed beyond


def sidecar(model: Path) -> Path:
    """Return the file that tells the labels of a model which cannot hold them."""
    return model.with_name(f"{model.stem}.labels.json")


def beside(model: Path) -> dict[str, Any]:
    """Return the labels told beside a model: those of its own name count before `labels.json`."""
    labels: dict[str, Any] = {}
    for file in (model.with_name("labels.json"), sidecar(model)):
        if file.is_file():
            labels = parsed(_content(file), file)
    return labels


def parsed(content: str | bytes, file: Path) -> dict[str, Any]:
    """Return labels from their JSON; raises RunError when they cannot be."""
    try:
        labels = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"The labels of {file} are not JSON: {error}.") from error
    return checked(labels, file)


def checked(labels: Any, file: Path) -> dict[str, Any]:
    """Return labels that can be used, without a size that says nothing; raises RunError when they cannot be."""
    if not isinstance(labels, Mapping) or not isinstance(labels.get("classes", []), list):
        raise RunError(f'The labels of {file} cannot be read; they should look like {{"classes": ["cat", "dog"]}}.')
    size = labels.get("image_size")
    known = isinstance(size, list) and len(size) == 2 and all(_is_side(side) for side in size)
    return {name: value for name, value in labels.items() if known or name != "image_size"}


def named(labels: Mapping[str, Any], outputs: int, file: Path) -> tuple[str, ...]:
    """Return a name for each output, its number where none is told; raises RunError when there are more or fewer."""
    classes = tuple(str(name) for name in labels.get("classes", range(outputs)))
    if len(classes) != outputs:
        raise RunError(f"{file} has {outputs} outputs, but its labels name {len(classes)} classes. Mend labels.json.")
    return classes


def _content(file: Path) -> bytes:
    if file.stat().st_size > _LARGEST_FILE:
        raise RunError(f"The labels of {file} are {file.stat().st_size:,} bytes, which no labels are.")
    return file.read_bytes()


def _is_side(side: object) -> bool:
    return isinstance(side, int) and 0 < side <= _LARGEST_SIDE
