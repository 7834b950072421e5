"""The page and the card of a run: `report.html`, one file that needs no network, and `model_card.md`."""

from __future__ import annotations

from autotl.report.page.document import card, page, write

__all__ = ["card", "page", "write"]
