"""Limits of a search: how long a whole network may take for one picture, and how large it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autotl.candidate import Anatomy, Footprint
from autotl.errors import ConfigError
from autotl.events import Note, Watcher

if TYPE_CHECKING:
    from autotl.config import SearchConfig


def broken(found: Footprint, config: SearchConfig) -> str:
    """Return in words which limits a network breaks and by what, "" where it keeps them."""
    latency, size = _shares(found, config)
    told = [f"{found.latency_ms:.3g} ms a picture, {config.max_latency_ms:g} at most"] if latency > 1 else []
    told += [f"{found.size_mb:.3g} MB, {config.max_size_mb:g} at most"] if size > 1 else []
    return " and ".join(told)


def nearness(found: Footprint, config: SearchConfig) -> float:
    """Return the larger share of a limit that a network takes up: more than 1 where it breaks one."""
    return max(_shares(found, config))


def within(anatomies: Mapping[str, Anatomy], config: SearchConfig, tell: Watcher) -> dict[str, Anatomy]:
    """Return the backbones that keep the limits with a linear head, and tell of the others.

    Raises ConfigError, naming the nearest, when all of them break one.
    """
    over = {name: why for name, anatomy in anatomies.items() if (why := broken(anatomy.footprint, config))}
    if over and len(over) == len(anatomies):
        nearest = min(over, key=lambda name: nearness(anatomies[name].footprint, config))
        raise ConfigError(
            f"No backbone keeps the limits. The nearest is {nearest}, {_seen(anatomies[nearest])}: {over[nearest]}. "
            "Raise --max-latency-ms or --max-size-mb, give a smaller --image-size, or name another --backbone."
        )
    for name, why in over.items():
        tell(Note(f"{name} is left out, {_seen(anatomies[name])}: {why}."))
    return {name: anatomy for name, anatomy in anatomies.items() if name not in over}


def _seen(anatomy: Anatomy) -> str:
    return f"with a linear head at {anatomy.image_size} px"


def _shares(found: Footprint, config: SearchConfig) -> tuple[float, float]:
    """Return what share of each limit a network takes up, 0 of those that are not set or not known."""
    pairs = ((found.latency_ms, config.max_latency_ms), (found.size_mb, config.max_size_mb))
    latency, size = (0.0 if value is None or most is None else value / most for value, most in pairs)
    return latency, size
