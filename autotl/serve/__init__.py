"""A model behind HTTP: pictures in, labels out; for programs, and for people with a browser.

Nothing is imported here: the `serve` extra brings what this room needs, and may be missing.
"""

from __future__ import annotations

from importlib.util import find_spec

from autotl.errors import ConfigError

NEEDED = ("fastapi", "uvicorn", "python_multipart")


def require() -> None:
    """Raise ConfigError unless all that serving needs is installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(f'To serve a model, {missing[0]} is needed: pip install "autotl[serve]".')
