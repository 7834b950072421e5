"""autotl: point it at labelled pictures, get the best fine-tuned model your plugins and your time can give."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autotl.builtin.saved import SavedBackbone
    from autotl.errors import (
        AutotlError,
        ConfigError,
        DataError,
        PluginError,
        RunError,
        TrialError,
        UnknownPart,
        WeightsError,
    )
    from autotl.flow import search
    from autotl.hookspecs import hookimpl
    from autotl.parts import Augmentation, Backbone, Download, Exporter, Head, Tolerance
    from autotl.result import SearchResult, open_run
    from autotl.space import Choice, Float, Int

_ROOMS = {
    "Augmentation": "parts",
    "AutotlError": "errors",
    "Backbone": "parts",
    "Choice": "space",
    "ConfigError": "errors",
    "DataError": "errors",
    "Download": "parts",
    "Exporter": "parts",
    "Float": "space",
    "Head": "parts",
    "Int": "space",
    "PluginError": "errors",
    "RunError": "errors",
    "SavedBackbone": "builtin.saved",
    "SearchResult": "result",
    "Tolerance": "parts",
    "TrialError": "errors",
    "UnknownPart": "errors",
    "WeightsError": "errors",
    "hookimpl": "hookspecs",
    "open_run": "result",
    "search": "flow",
}

__all__ = [
    "Augmentation",
    "AutotlError",
    "Backbone",
    "Choice",
    "ConfigError",
    "DataError",
    "Download",
    "Exporter",
    "Float",
    "Head",
    "Int",
    "PluginError",
    "RunError",
    "SavedBackbone",
    "SearchResult",
    "Tolerance",
    "TrialError",
    "UnknownPart",
    "WeightsError",
    "__version__",
    "hookimpl",
    "open_run",
    "search",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import autotl` stays instant."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'autotl' has no attribute {name!r}")
    return getattr(importlib.import_module(f"autotl.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
