from __future__ import annotations

import dataclasses

import pytest

from autotl.report import tables


def shown(console, table, text_of) -> list[str]:
    console.print(table)
    return text_of(console).splitlines()


@pytest.mark.parametrize("width", [76, 80, 100, 120, 160])
def test_a_leaderboard_fits_its_width_and_shows_each_trial_on_one_line(width, record, screen, text_of) -> None:
    records = [record(0), record(1, backbone="efficientnet_v2_b0_with_a_very_long_name"), record(2, "failed", None)]
    lines = shown(screen(width, terminal=False), tables.leaderboard(records, width=width), text_of)
    assert len(lines) == 4
    assert max(len(line) for line in lines) <= width


def test_a_wide_leaderboard_writes_its_headings_and_states_out(record, screen, text_of) -> None:
    lines = shown(screen(160, terminal=False), tables.leaderboard([record(7)], width=160), text_of)
    heading, row = (" ".join(line.split()) for line in lines)
    assert heading == "rank trial score backbone unfrozen layers head augmentation learning rate epochs seconds state"
    assert row == "1 7 0.900 mobilenet_v2 9 dense flip_crop 3.2e-4 5 12.5 complete"


def test_only_complete_trials_have_a_rank(record, screen, text_of) -> None:
    table = tables.leaderboard([record(4), record(5, "pruned", 0.95)], width=80)
    lines = shown(screen(80, terminal=False), table, text_of)
    assert lines[1].split()[:3] == ["1", "4", "0.900"]
    assert lines[2].split()[:2] == ["5", "0.950"]


def test_names_are_shown_letter_by_letter_and_never_read_as_markup(record, screen, text_of) -> None:
    strange = record(0)
    strange = dataclasses.replace(strange, candidate=dataclasses.replace(strange.candidate, head="[red]:smile:\x1b[1m"))
    lines = shown(screen(140, terminal=False), tables.leaderboard([strange], width=140), text_of)
    assert "[red]:smile:\\x1b[1m" in lines[1]


def test_a_limit_shows_the_first_trials_alone(record, screen, text_of) -> None:
    table = tables.leaderboard([record(n) for n in range(9)], width=80, limit=3)
    assert len(shown(screen(80, terminal=False), table, text_of)) == 4


def test_a_probe_is_marked_and_has_no_epochs(record, screen, text_of) -> None:
    probe = dataclasses.replace(record(0), probe=True, history=())
    lines = shown(screen(160, terminal=False), tables.leaderboard([probe], width=160), text_of)
    assert " ".join(lines[1].split()) == "1 0 0.900 mobilenet_v2 9 dense flip_crop probe - 12.5 complete"
