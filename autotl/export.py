"""Writes the best model in a format of the catalogue, and believes it only when it answers as the original does."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autotl.errors import AutotlError, RunError, UnknownPart
from autotl.folder import RunFolder
from autotl.parts import Exporter
from autotl.plugins import Catalogue, catalogue
from autotl.predict import LoadedModel, load_model

TOLERANCE = 1e-4  # of probabilities; float32 in another runtime differs by about 1e-6
PICTURES = 4  # random ones, to compare on


def export(
    run: str | Path,
    path: str | Path,
    *,
    format: str = "keras",
    overwrite: bool = False,
    plugins: Catalogue | Sequence[str | Path] = (),
) -> Path:
    """Write the best model of a run (or a `.keras` file) to `path`, verified, and return what was written.

    A missing suffix is added, missing folders are made. `plugins` are files of plugins to know besides what is
    installed: those that a run names are not loaded by themselves, for it may be a stranger's. Raises RunError when
    the file exists already, or what was written does not give the same probabilities; then nothing is left behind.
    """
    exporter = _exporter(Path(run), format, plugins)
    target = _with_suffix(Path(path).expanduser(), exporter.suffix)
    _refuse_existing(target, overwrite)
    loaded = load_model(run)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as room:
        written = _write(exporter, loaded, Path(room) / target.name)
        _verify(exporter, loaded, written)
        return _move(written, target.with_name(written.name), overwrite)


def _exporter(run: Path, format: str, plugins: Catalogue | Sequence[str | Path]) -> Exporter:
    if isinstance(plugins, Catalogue):
        return plugins.exporter(format)
    try:
        return catalogue([Path(file) for file in plugins]).exporter(format)
    except UnknownPart as error:
        named = RunFolder(run).read_config().plugins if RunFolder(run).config.is_file() else ()
        if not named or plugins:
            raise
        options = " ".join(f"--plugin {shlex.quote(file)}" for file in named)
        raise UnknownPart(f"{error} The run had plugins of its own; if you trust them, add {options}.") from None


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise RunError(f"{target} exists already. Name another file, or replace it with --force.")


def _with_suffix(path: Path, suffix: str) -> Path:
    return path if path.name.endswith(suffix) else path.with_name(path.name + suffix)


def _write(exporter: Exporter, loaded: LoadedModel, path: Path) -> Path:
    try:
        written = exporter.write(loaded.model, path, classes=loaded.classes)
    except AutotlError:
        raise
    except Exception as error:  # a stranger's code
        raise RunError(f"The exporter {exporter.name!r} failed: {type(error).__name__}: {error}") from error
    if written.parent != path.parent or not written.exists():
        raise RunError(f"The exporter {exporter.name!r} did not write {path.name} where it was asked to.")
    return written


def _verify(exporter: Exporter, loaded: LoadedModel, written: Path) -> None:
    """Raise RunError unless what was written gives the probabilities of the original, on random pictures."""
    pixels = np.random.default_rng(0).uniform(0, 255, (PICTURES, *loaded.image_size, 3)).astype(np.float32)
    expected = loaded.probabilities(pixels)
    try:
        answered = np.asarray(exporter.load(written)(pixels))
    except Exception as error:  # a stranger's code
        raise RunError(f"What the exporter {exporter.name!r} wrote cannot be loaded: {error}") from error
    same_shape = answered.shape == expected.shape
    difference = float(np.abs(answered - expected).max()) if same_shape else float("inf")
    if not difference <= TOLERANCE:  # so that nan fails, too
        raise RunError(
            f"What the exporter {exporter.name!r} wrote does not answer as the model does: probabilities differ by "
            f"{difference:.2g}, at most {TOLERANCE:g} was expected. Nothing was kept."
        )


def _move(written: Path, target: Path, overwrite: bool) -> Path:
    _refuse_existing(target, overwrite)  # again: the exporter may have chosen another suffix
    if target.is_dir():
        shutil.rmtree(target)
    return written.replace(target)
