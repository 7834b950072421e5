"""The processes that run trials: warm, replaceable, one device each; messages are lines of JSON."""

from __future__ import annotations

from autotl.workers.asking import ask
from autotl.workers.pool import Lost, Pool

__all__ = ["Lost", "Pool", "ask"]
