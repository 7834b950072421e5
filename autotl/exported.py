"""Opens what was exported, whatever its format: the loader is chosen among the exporters, by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autotl import labels
from autotl.errors import AutotlError, RunError
from autotl.parts import Exporter
from autotl.plugins import Catalogue, catalogue
from autotl.quiet import quiet


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A model in a runtime of its own, from pixels `(batch, height, width, 3)`, 0 to 255, to probabilities.

    `image_size` is (height, width), in pixels.
    """

    answer: Callable[[NDArray[Any]], NDArray[np.float32]]
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    fills: ClassVar[bool] = False  # a batch of another length costs it nothing

    def probabilities(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return the probabilities `(batch, classes)` of pictures `(batch, height, width, 3)`, 0 to 255."""
        return self.answer(pixels)


def open_exported(path: Path, plugins: Catalogue | None = None) -> ExportedModel:
    """Return the model of an exported file or folder; raises RunError when it cannot be opened."""
    exporter = _exporter_of(path, plugins or catalogue())
    told = told_by(exporter, path)
    if "image_size" not in told:
        example = '{"classes": ["cat", "dog"], "image_size": [224, 224]}'
        raise RunError(f"{path} does not say how large its pictures are. Write {labels.sidecar(path)}: {example}.")
    height, width = told["image_size"]
    with quiet():
        answer = opened(exporter, path)
        outputs = _outputs(answer, (height, width), path)
    return ExportedModel(answer, labels.named(told, outputs, path), (height, width))


def told_by(exporter: Exporter, path: Path) -> dict[str, Any]:
    """Return the labels of an export: what is told inside counts before what lies beside it."""
    try:
        inside = exporter.labels(path)
    except ImportError as error:
        raise _missing(exporter, path, error) from error
    except Exception as error:  # a stranger's code, and perhaps a broken file
        raise RunError(f"The labels of {path} cannot be read: {_one_line(error)}.") from error
    return {**labels.beside(path), **labels.checked(inside, path)}


def opened(exporter: Exporter, path: Path, **values: Any) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """Return what an exporter loads; raises RunError when its runtime is missing, or the file is not whole."""
    try:
        return exporter.load(path, **values)
    except AutotlError:
        raise
    except ImportError as error:
        raise _missing(exporter, path, error) from error
    except Exception as error:  # a stranger's code, and perhaps a broken file
        raise RunError(f"{path} cannot be loaded: {_one_line(error)}.") from error


def _outputs(answer: Callable[[NDArray[Any]], NDArray[np.float32]], size: tuple[int, int], path: Path) -> int:
    """Return how many probabilities a model gives; raises RunError when it is no model of pictures of that `size`."""
    try:
        shape = np.asarray(answer(np.zeros((1, *size, 3), np.float32))).shape
    except Exception as error:  # whatever a runtime says of a shape it does not take
        told = f"pictures of {size[0]}x{size[1]} pixels"
        raise RunError(f"{path} cannot answer for {told}: {_one_line(error)}.") from error
    if len(shape) != 2 or shape[0] != 1:
        raise RunError(f"{path} answers one picture in the shape {shape}; (1, classes) was expected.")
    return int(shape[1])


def _exporter_of(path: Path, plugins: Catalogue) -> Exporter:
    exporters = [plugins.exporter(name) for name in plugins.names("exporter")]
    fitting = [exporter for exporter in exporters if path.name.endswith(exporter.suffix)]
    if not fitting:
        known = ", ".join(sorted({exporter.suffix for exporter in exporters}))
        raise RunError(
            f"{path} is neither a run folder nor a model that can be opened here; installed plugins open {known}. "
            "Install the plugin of its format."
        )
    return max(fitting, key=lambda exporter: len(exporter.suffix))


def _missing(exporter: Exporter, path: Path, error: ImportError) -> RunError:
    needed = error.name or exporter.runtime
    return RunError(f"{path} needs the module {needed!r}, which is not installed: {_one_line(error)}.")


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
