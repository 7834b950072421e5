"""The report room: everything a search says in words, tables and pictures."""

from __future__ import annotations

from autotl.report.view import View, terminal, view

__all__ = ["View", "terminal", "view"]
