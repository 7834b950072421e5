"""What was asked of a pretraining: every setting, checked once, at the door."""

from __future__ import annotations

import json
import shlex
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from autotl.config import Field, Settings

Student = Literal["residual", "mobilenet", "mobilenet_v2", "mobilenet_v3_small"]
_GRID = 32
_LARGER = 4 / 3  # a teacher sees more of a picture than its student, which learns to do with less
_FLAGS = {"seconds": "time", "probes": "probe", "licences": "licence", "plugins": "plugin"}
_NO_FLAGS = {"sources", "out", "cache", "cache_quota"}
_LENGTH = frozenset(
    {"out", "seconds", "epochs", "views", "probes", "licences", "cache", "cache_quota", "half"}
)  # may change when a run goes on


class PretrainConfig(Settings):
    """The settings of one pretraining; frozen."""

    sources: tuple[str, ...] = Field(min_length=1)
    out: str
    teacher: str | None = Field(default=None, description="a backbone whose features are learnt; None: labels are")
    teacher_size: int | None = Field(default=None, ge=32, le=1024)
    depths: int = Field(default=1, ge=1, le=4, description="places in the teacher, its end first, that are learnt")
    student: Student = "residual"
    width: float = Field(default=1.0, gt=0, le=4)
    image_size: int = Field(default=96, ge=32, le=512)
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="budget of the whole run")
    epochs: int | None = Field(default=None, ge=1)
    views: int = Field(default=32, ge=1, le=1000, description="versions of each picture, each computed once and kept")
    generated: int = Field(default=0, ge=0, le=1_000_000, description="made-up pictures in each view")
    mix: float = Field(default=0.3, ge=0, le=1, description="share of pictures with a piece of another one in them")
    batch_size: int = Field(default=64, ge=2, le=4096)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0, le=1)
    probes: tuple[str, ...] = Field(default=(), description="labelled data to measure the backbone on")
    weights: dict[str, str] = Field(default_factory=dict, description="backbone -> file, of the teacher")
    licences: dict[str, str] = Field(default_factory=dict, description="source -> licence, for the model card")
    plugins: tuple[str, ...] = ()
    half: bool = Field(default=False, description="store the weights as float16")
    seed: int = Field(default=0, ge=0, lt=2**31)
    cache: str | None = None
    cache_quota: float = Field(default=20.0, gt=0, description="GB of views kept on disk")

    @property
    def teacher_pixels(self) -> int:
        """The side of the pictures that the teacher sees."""
        return self.teacher_size or -(-round(self.image_size * _LARGER) // _GRID) * _GRID

    @property
    def command(self) -> str:
        """The command line that asks for this, folders by their names alone."""
        words = ["autotl", "pretrain", *(Path(source).name for source in self.sources), "-o", Path(self.out).name]
        for name, value in self.model_dump(mode="json", exclude_defaults=True).items():
            flag = f"--{_FLAGS.get(name, name).replace('_', '-')}"
            if name in _NO_FLAGS:
                continue
            if isinstance(value, dict):
                words += [word for key, one in value.items() for word in (flag, f"{key}={one}")]
            elif isinstance(value, list):
                words += [word for one in value for word in (flag, Path(one).name)]
            else:
                words += [flag] if value is True else [flag, f"{value:g}s" if name == "seconds" else str(value)]
        return shlex.join(words)

    @property
    def digest(self) -> str:
        """A hash of all that must stay the same when a run goes on."""
        plain = {name: value for name, value in self.model_dump(mode="json").items() if name not in _LENGTH}
        return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def make(**settings: Any) -> PretrainConfig:
    """Return checked settings, an hour where neither time nor epochs are given; raises ConfigError in one line."""
    given = {name: value for name, value in settings.items() if value is not None}
    if "seconds" not in given and "epochs" not in given:
        given["seconds"] = 3600.0
    return PretrainConfig.checked(given)
