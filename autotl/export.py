"""Writes the best model in formats of the catalogue, and believes an export only when it answers as Keras does."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotl import labels
from autotl.deployable import deployable
from autotl.errors import AutotlError, ConfigError, RunError, UnknownPart, near_miss
from autotl.exported import told_by
from autotl.folder import RunFolder, write_whole
from autotl.parity import Format, Parity, Sample, measure, objection
from autotl.plugins import Catalogue, catalogue
from autotl.predict import LoadedModel, load_model
from autotl.witnesses import sample_of, training_pictures

if TYPE_CHECKING:
    from autotl.parts import Exporter

OnStep = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of one export: where it lies, how it compares with Keras, and what speaks against it.

    With an `objection` it lies under another name, NAME.rejected, unless it was `accepted` all the same. Where it
    could not be written or loaded at all, `path` or `parity` is None.
    """

    format: str
    precision: str
    path: Path | None
    bytes: int
    parity: Parity | None
    objection: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One export that is to be made."""

    exporter: Exporter
    format: Format
    precision: str
    target: Path


def export(
    run: str | Path,
    path: str | Path,
    *,
    format: str = "keras",
    precision: str | None = None,
    overwrite: bool = False,
    plugins: Sequence[str | Path] = (),
) -> Path:
    """Write the best model of a run (or a `.keras` file) to `path`, compared with Keras, and return what was written.

    A missing suffix is added, missing folders are made; into a folder that is there, it is written under the run's
    name. `plugins` are files of plugins to know besides what is installed. Raises RunError when the file exists
    already, or does not answer as the model does: then it lies beside, as NAME.rejected. With `overwrite` it is kept
    under its own name either way.
    """
    precisions = (precision,) if precision else ()
    plans = planned(run, path, (format,), precisions, plugins=plugins)
    made = next(exports(run, plans, force=overwrite))
    if not made.accepted or made.path is None:
        kept = f" It was kept as {made.path}." if made.path else ""
        raise RunError(f"The export {format!r} is not to be used: {made.objection}.{kept}")
    return made.path


def planned(
    run: str | Path,
    out: str | Path,
    formats: Sequence[str] = ("keras",),
    precisions: Sequence[str] = (),
    *,
    plugins: Sequence[str | Path] = (),
) -> list[Plan]:
    """Return what is to be written: each format in those of the `precisions` that it offers, or else in its usual one.

    `out` is a folder where it is one, ends in a slash, or several files are asked for. Plugins that a run names are
    not loaded by themselves, for it may be a stranger's. Raises UnknownPart and ConfigError for what no exporter
    offers.
    """
    files = tuple(str(Path(file).expanduser().resolve()) for file in plugins)
    found = _knowing(files, formats, Path(run).expanduser())
    chosen = [(name, precision) for name in formats for precision in _offered(found, name, precisions)]
    _refuse_unknown(found, formats, precisions)
    target, inside = Path(out).expanduser(), _is_folder(out, [found.exporter(name) for name in formats], len(chosen))
    plans = []
    for name, precision in chosen:
        exporter = found.exporter(name)
        usual = precision == next(iter(exporter.precisions))
        stem = _stem(Path(run)) + ("" if usual else f".{precision}")
        place = target / stem if inside else target
        plans.append(Plan(exporter, Format(name, files), precision, _with_suffix(place, exporter.suffix)))
    return plans


def exports(
    run: str | Path,
    plans: Sequence[Plan],
    *,
    force: bool = False,
    at_least: float | None = None,
    on_step: OnStep = lambda _: None,
) -> Iterator[Exported]:
    """Make the planned exports one by one; what comes of each is told, not raised.

    `force` replaces files and accepts what is outside its tolerance; an accuracy below `at_least` is never accepted.
    Raises RunError when a file exists already, or accuracy is asked for and there are no pictures of the run.
    """
    for plan in plans:
        _refuse_existing(plan.target, force)
    on_step("loading the model")
    loaded = load_model(run)
    loaded = LoadedModel(deployable(loaded.model, loaded.image_size), loaded.classes, loaded.image_size)
    sample = sample_of(Path(run).expanduser(), loaded)
    if at_least is not None and sample.labels is None:
        raise RunError(
            f"{run} has no validation pictures to measure accuracy on. Export from a run whose data is there."
        )
    for plan in plans:
        on_step(f"{plan.format.name} {plan.precision}")
        yield _made(Path(run).expanduser(), loaded, plan, sample, force, at_least)


def _made(run: Path, loaded: LoadedModel, plan: Plan, sample: Sample, force: bool, at_least: float | None) -> Exported:
    plan.target.parent.mkdir(parents=True, exist_ok=True)
    parity, written, accepted = None, None, False
    with tempfile.TemporaryDirectory(dir=plan.target.parent, prefix=".export-") as room:
        try:
            written = _write(plan, loaded, run, Path(room) / plan.target.name)
            parity = measure(plan.format, written, sample)
            against = objection(parity, plan.exporter.precisions[plan.precision])
            accepted = force or not against
            if at_least is not None and (parity.accuracy or 0.0) < at_least:
                against, accepted = f"its accuracy is {parity.accuracy:.3f}, at least {at_least:g} was asked for", False
        except AutotlError as error:
            against = str(error).rstrip(".")
        path = _keep(written, plan.target, accepted, force) if written else None
    if path:
        _tell_labels(plan.exporter, path, loaded)
    size = _bytes(path) if path else 0
    return Exported(plan.format.name, plan.precision, path, size, parity, against, accepted)


def _write(plan: Plan, loaded: LoadedModel, run: Path, path: Path) -> Path:
    options = plan.exporter.options(plan.precision, training_pictures(run, loaded.image_size))
    try:
        written = plan.exporter.write(loaded.model, path, classes=loaded.classes, **options)
    except AutotlError:
        raise
    except Exception as error:  # a stranger's code
        text = " ".join(str(error).split())
        raise RunError(f"The exporter {plan.format.name!r} failed: {type(error).__name__}: {text}") from error
    if written.parent != path.parent or not written.exists():
        raise RunError(f"The exporter {plan.format.name!r} did not write {path.name} where it was asked to.")
    return written


def _keep(written: Path, target: Path, accepted: bool, overwrite: bool) -> Path:
    """Move an export to its place, or beside it as NAME.rejected."""
    place = target.with_name(written.name)
    if accepted:
        _refuse_existing(place, overwrite)  # again: the exporter may have chosen another suffix
    else:
        place = place.with_name(f"{place.stem}.rejected{place.suffix}")
    if place.is_dir():
        shutil.rmtree(place)
    return written.replace(place)


def _tell_labels(exporter: Exporter, path: Path, loaded: LoadedModel) -> None:
    """Write the labels beside an export that does not hold them."""
    told = told_by(exporter, path)
    if "classes" not in told or "image_size" not in told:
        plain = {"classes": list(loaded.classes), "image_size": list(loaded.image_size)}
        write_whole(labels.sidecar(path), json.dumps(plain, indent=1, ensure_ascii=False))


def _knowing(files: Sequence[str], formats: Sequence[str], run: Path) -> Catalogue:
    """Return the parts there are with the plugin `files`; raises UnknownPart when a format is not among them."""
    found = catalogue([Path(file) for file in files])
    try:
        for name in formats:
            found.exporter(name)
    except UnknownPart as error:
        named = RunFolder(run).read_config().plugins if RunFolder(run).config.is_file() else ()
        if not named or files:
            raise
        options = " ".join(f"--plugin {shlex.quote(file)}" for file in named)
        raise UnknownPart(f"{error} The run had plugins of its own; if you trust them, add {options}.") from None
    return found


def _offered(found: Catalogue, name: str, precisions: Sequence[str]) -> list[str]:
    known = found.exporter(name).precisions
    return [each for each in precisions if each in known] or [next(iter(known))]


def _refuse_unknown(found: Catalogue, formats: Sequence[str], precisions: Sequence[str]) -> None:
    known = sorted({each for name in formats for each in found.exporter(name).precisions})
    for precision in precisions:
        if precision not in known:
            hint = near_miss(precision, known)
            told = f"{', '.join(formats)} can store numbers as: {', '.join(known)}"
            raise ConfigError(f"There is no precision {precision!r}.{hint} {told}.")


def _is_folder(out: str | Path, exporters: Sequence[Exporter], count: int) -> bool:
    if count > 1 or str(out).endswith(("/", "\\")):
        return True
    path = Path(out).expanduser()
    return path.is_dir() and not any(path.name.endswith(exporter.suffix) for exporter in exporters)


def _stem(run: Path) -> str:
    run = run.expanduser().resolve()
    return run.stem if run.is_file() else run.name


def _refuse_existing(target: Path, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise RunError(f"{target} exists already. Name another file, or replace it with --force.")


def _with_suffix(path: Path, suffix: str) -> Path:
    return path if path.name.endswith(suffix) else path.with_name(path.name + suffix)


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
