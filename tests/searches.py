"""What tests of whole searches share: settings that cost little, and an ear for what is told."""

from __future__ import annotations

from pathlib import Path

PLUGIN = str(Path(__file__).with_name("troublemakers.py"))
QUICK = {"plugins": (PLUGIN,), "backbones": ("speck",), "augmentations": ("none",), "epochs": 2, "confirm": 0}
ONE_DEPTH = {**QUICK, "pins": {"unfrozen_layers": 0}}  # with seed 0 the first head is tried first, then the second


class Heard:
    """Keeps what a search tells."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]
