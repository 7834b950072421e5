"""Lets `python -m autotl` do what `autotl` does."""

from __future__ import annotations

from autotl.cli import main

main()
