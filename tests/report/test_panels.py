from __future__ import annotations

import dataclasses
import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Group

from autotl import events
from autotl.report import panels
from autotl.report.glyphs import UNICODE
from autotl.report.lines import Brush
from autotl.report.scene import Scene

ROW = {"epoch": 1.0, "loss": 0.5, "score": 0.5, "valid_loss": 0.6, "seconds": 1.2}


def scene_of(began, record, *, ended: int, training: int, steps: int, backbones: int, notes: int) -> Scene:
    scene = Scene(began=0.0)
    happened: list[events.Event] = [began]
    for n in range(backbones):
        happened.append(
            events.BackboneResolved(f"net_{n}", "imagenet", 224, 154, 2_000_000, "no network " * 20 * (n % 2))
        )
        if n % 3 == 0:
            happened.append(events.Probed(f"net_{n}", 0.9, 0.8, 0.7, 4.0, 12.5, problem="no time " * 20 * (n % 2)))
    happened += [
        events.TrialEnded(record(n, ("complete", "pruned", "failed")[n % 3], None if n % 3 == 2 else 0.9))
        for n in range(ended)
    ]
    for n in range(training):
        happened += [events.TrialBegan(100 + n, record(0, backbone="net" * (1 + 20 * (n % 2))).candidate)]
        happened += [events.EpochEnded(100 + n, 10, ROW)] * (n % 4)
    happened += [events.Progress(f"features of {'x' * 30 * n}", 1, 100) for n in range(steps)]
    happened += [events.Note("remark " * 30, bool(n % 2)) for n in range(notes)]
    for event in happened:
        scene.take(event, 1.0)
    return scene


few = st.integers(0, 12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(5, 50), st.integers(60, 160), few, few, few, few, few)
def test_the_view_never_leaves_the_screen(
    began, record, screen, height, width, ended, training, steps, backbones, notes
) -> None:
    counts = {"ended": ended, "training": training, "steps": steps, "backbones": backbones, "notes": notes}
    scene = scene_of(began, record, **counts)
    found = panels.pieces(scene, Brush(now=60.0, width=width, glyphs=UNICODE))
    console = screen(width, height)
    lines = console.render_lines(Group(*panels.arrange(found, height)), pad=False)
    assert len(lines) <= height
    assert all(sum(segment.cell_length for segment in line) <= width for line in lines)


def test_lines_go_to_the_pieces_by_rank_and_a_piece_without_room_is_left_out() -> None:
    asked: dict[str, int] = {}

    def piece(name: str, rank: int, least: int, most: int) -> panels.Piece:
        return panels.Piece(rank, least, most, lambda room: asked.update({name: room}) or name)

    found = [piece("low", 2, 4, 9), piece("high", 0, 3, 5), piece("small", 3, 1, math.inf)]
    assert panels.arrange(found, 6) == ["high", "small"]
    assert asked == {"high": 5, "small": 1}
    assert panels.arrange(found, 30) == ["low", "high", "small"]


def test_probes_fill_the_table_of_backbones_and_the_leaderboard_waits_for_a_trial(began, record, screen) -> None:
    scene = scene_of(began, record, ended=0, training=0, steps=0, backbones=1, notes=0)
    scene.take(events.TrialEnded(dataclasses.replace(record(0, backbone="net_0"), probe=True)), 1.0)

    def drawn() -> str:
        found = panels.pieces(scene, Brush(now=60.0, width=100, glyphs=UNICODE))
        lines = screen(100).render_lines(Group(*panels.arrange(found, 30)), pad=False)
        return " ".join("".join(segment.text for line in lines for segment in line).split())

    assert "net_0 224 154 2.0M 0.900 0.800 12.5 4s imagenet" in drawn()
    assert "0 trials · 1 probe" in drawn()
    assert "leaderboard" not in drawn()
    scene.take(events.TrialEnded(record(1)), 1.0)
    assert "leaderboard" in drawn()
