"""What was asked of a search: every setting, checked once, at the door."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator
from pydantic import Field as Field  # also for the settings of other commands

from autotl.data.dataset import MEGAPIXELS
from autotl.errors import ConfigError, near_miss
from autotl.space import Value

Thing = TypeVar("Thing")
Metric = Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss"]
METRICS: tuple[Metric, ...] = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
Preset = Literal["quick", "balanced", "best"]
Precision = Literal["auto", "float32", "mixed"]
PRESETS: Mapping[str, Mapping[str, float]] = {  # which backbones go with one, the line-up knows
    "quick": {"seconds": 120.0, "epochs": 6, "views": 2, "confirm": 0},
    "balanced": {"seconds": 600.0, "epochs": 10, "views": 4, "confirm": 2},
    "best": {"seconds": 3600.0, "epochs": 30, "views": 8, "confirm": 3},
}
_adapters: dict[type, TypeAdapter[Any]] = {}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Settings(BaseModel):
    """What was asked of a command: frozen, and nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def checked(cls, settings: Mapping[str, Any]) -> Self:
        """Return checked settings; raises ConfigError in one line, naming the setting."""
        unknown = sorted(set(settings) - set(cls.model_fields))
        if unknown:
            raise ConfigError(
                f"There is no setting {unknown[0]!r}.{near_miss(unknown[0], cls.model_fields)} "
                f"Known: {', '.join(sorted(cls.model_fields))}."
            )
        try:
            return cls(**settings)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(step) for step in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"The setting {name}={first['input']!r} cannot be: {message}.") from error


class SearchConfig(Settings):
    """The settings of one search; frozen, and the same after a trip through `config.toml`."""

    data: str
    out: str
    preset: Preset = "balanced"
    seconds: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="budget of the whole search, in seconds"
    )
    trials: int | None = Field(default=None, ge=1)
    backbones: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    augmentations: tuple[str, ...] = ()
    pins: dict[str, Value] = Field(default_factory=dict, description="dimensions fixed with --set")
    weights: dict[str, str] = Field(default_factory=dict, description="backbone -> file, or 'random'")
    plugins: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    metric: Metric = "accuracy"
    probe: bool = Field(default=True, description="look at every backbone's frozen features before the first trial")
    epochs: int = Field(default=10, ge=1, le=10_000)
    confirm: int = Field(default=2, ge=0, le=20, description="other seeds that the best recipes run with; 0 for none")
    soup: bool = Field(default=False, description="average the weights of the best trials of one network")
    max_latency_ms: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="of the whole network for one picture, on this machine"
    )
    max_size_mb: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="of the whole network's float32 parameters, in 10^6 bytes"
    )
    image_size: int | None = Field(default=None, ge=16, le=2048)
    views: int = Field(default=4, ge=1, le=64, description="pictures drawn per image by an augmentation, kept")
    valid_split: float = Field(default=0.2, gt=0, lt=0.9)
    test_split: float | None = Field(default=None, ge=0, lt=0.9)
    keep_duplicates: bool = Field(default=False, description="split pictures that show the same as if they did not")
    max_megapixels: float = Field(
        default=MEGAPIXELS, gt=0, allow_inf_nan=False, description="pictures of more million pixels are left out"
    )
    seed: int = Field(default=0, ge=0, lt=2**31)
    precision: Precision = Field(default="auto", description="of backbones; auto is mixed on GPUs that are fast at it")
    workers: int | None = Field(default=None, ge=1, le=64)
    memory: int | None = Field(default=None, ge=256, description="limit of one worker, in MiB")
    epoch_timeout: float = Field(default=1800.0, gt=0, description="a worker silent for longer is replaced")
    cache: str | None = None
    cache_quota: float = Field(default=20.0, gt=0, description="GB of features kept on disk")

    @field_validator("pins", mode="before")
    @classmethod
    def _plain_values(cls, pins: Any) -> Any:
        if isinstance(pins, dict):
            for name, value in pins.items():
                if not isinstance(value, int | float | str | bool):
                    raise ValueError(f"{name}={value!r} is not a number or a word")
        return pins

    def to_toml(self) -> str:
        """Return the settings as TOML; what is unset is left out."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


def fitting(kind: type[Thing], content: bytes) -> Thing:
    """Return JSON as a kind of dataclass, all below it checked too; raises ValueError in one line."""
    try:
        if kind not in _adapters:
            _adapters[kind] = TypeAdapter(kind)
        made: Thing = _adapters[kind].validate_json(content, strict=True)
        return made
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}") from None


def make(**settings: Any) -> SearchConfig:
    """Return a checked configuration; raises ConfigError in one line, naming the setting."""
    return SearchConfig.checked(with_files(settings))


def with_files(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which a backbone named by its `.keras` file is a plugin, and named by what that offers."""
    from autotl.builtin.saved import SUFFIX, name_of

    files = [name for name in settings.get("backbones", ()) if str(name).endswith(SUFFIX)]
    if not files:
        return dict(settings)
    names = tuple(name_of(Path(name)) if name in files else name for name in settings["backbones"])
    plugins = dict.fromkeys([*settings.get("plugins", ()), *files])
    return {**settings, "backbones": names, "plugins": tuple(plugins)}


def with_preset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those of their preset where they say nothing; a number of trials is a budget too."""
    said = {name: value for name, value in settings.items() if value is not None}
    preset = dict(PRESETS.get(str(said.get("preset", "balanced")), {}))
    if "trials" in said:
        preset.pop("seconds", None)
    return {**preset, **said}


def from_toml(text: str) -> SearchConfig:
    """Return the configuration written by `SearchConfig.to_toml`; raises ConfigError."""
    try:
        return make(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration is not TOML: {error}.") from error


def read_seconds(text: str | float) -> float:
    """Return a span of time in seconds: `90`, "90s", "5m", "1.5h", "1h30m"; raises ConfigError."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    cleaned = str(text).strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        return float(cleaned)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", cleaned)
    if not parts or "".join(number + unit for number, unit in parts) != cleaned:
        raise ConfigError(f"The time {text!r} cannot be read; write 90s, 5m, 1.5h or 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def read_pairs(texts: list[str] | tuple[str, ...], option: str) -> dict[str, str]:
    """Return `NAME=VALUE` texts as a dict; raises ConfigError naming the `option`."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ConfigError(f"{option} {text!r} cannot be read; write {option} NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs


def default_out(data: str) -> Path:
    """Return the run folder of a search that named none: `runs/` and the name of the data."""
    name = re.sub(r"[^\w.-]+", "_", Path(data).resolve().stem).strip("._") or "search"
    return Path("runs") / name
