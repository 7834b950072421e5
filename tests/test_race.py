from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "examples" / "benchmarks"
LINES = [
    {"t": 12.0, "valid": 0.6, "test": 0.5},
    {"t": 25.0, "valid": 0.7, "test": 0.8},
    {"t": 110.0, "valid": 0.9, "test": 0.7},
]


@pytest.fixture
def standings(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import standings

    return standings


@pytest.fixture
def splits(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import splits

    return splits


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS / "peers"))
    import clock

    return clock


@pytest.fixture
def race(standings):
    return standings.Key("ants", "96 px", 0, "", 0.0)


@pytest.fixture
def results(standings, race, tmp_path):
    """A peer that was run for 2 minutes, and autotl for 20 and for 30 seconds."""
    results = standings.Results(tmp_path / "race.json")
    results.put(race.of(0, "hand_written", 120.0), {"lines": LINES, "note": ""})
    results.put(race.of(0, "autotl", 20.0), {"seconds": 21.5, "valid": 0.9, "test": 0.65, "note": ""})
    results.put(race.of(0, "autotl", 30.0), {"seconds": 30.5, "valid": 0.9, "test": 0.75, "note": ""})
    return results


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ([""], "12 train, 4 valid, 4 held-out"),
        (["train", "val"], "16 train, 4 valid, 20 held-out"),
        (["train", "test"], "16 train, 4 valid, 20 held-out"),
        (["train", "valid", "test"], "20 train, 20 valid, 20 held-out"),
    ],
)
def test_held_out_pictures_are_in_no_other_part(splits, tmp_path, parts, counts) -> None:
    _pictures(tmp_path / "data", parts)
    split = splits.split(tmp_path / "data", tmp_path / "split")
    assert split.counts() == f"{counts} pictures"
    files = [link.resolve() for folder in (split.given, split.held_out) for link in folder.rglob("*.png")]
    assert len(files) == len(set(files)) == 20 * len(parts)


def test_a_split_is_the_same_every_time(splits, tmp_path) -> None:
    _pictures(tmp_path / "data", [""])
    first = {link.resolve() for link in splits.split(tmp_path / "data", tmp_path / "a").held_out.rglob("*.png")}
    again = {link.resolve() for link in splits.split(tmp_path / "data", tmp_path / "b").held_out.rglob("*.png")}
    assert first == again


def test_a_long_run_of_a_peer_tells_its_state_at_shorter_budgets(results, race) -> None:
    reached = {budget: results.state(race.of(0, "hand_written", budget)) for budget in (10.0, 60.0, 120.0)}
    assert reached[10.0] is None
    assert (reached[60.0].test, reached[120.0].test) == (0.8, 0.7)
    assert results.state(race.of(0, "hand_written", 300.0)) is None


def test_a_short_search_of_autotl_does_not_stand_for_another_budget(results, race) -> None:
    assert results.finished(race.of(0, "autotl", 20.0))
    assert not results.finished(race.of(0, "autotl", 25.0))
    assert not results.finished(race.of(1, "autotl", 20.0))


def test_a_race_goes_on_with_what_its_file_holds(results, race, standings) -> None:
    results.put(race.of(0, "autokeras", 120.0), {"lines": [], "note": "cannot be installed"})
    again = standings.Results(results.file)
    assert again.finished(race.of(0, "hand_written", 120.0))
    assert not again.finished(race.of(0, "autokeras", 120.0))
    assert again.note(race.of(0, "autokeras", 120.0)) == "cannot be installed"


def test_the_time_to_a_goal_is_the_first_time_it_was_reached(results, race) -> None:
    assert results.seconds_to(0.7, race.of(0, "hand_written", 120.0)) == 25.0
    assert results.seconds_to(0.7, race.of(0, "autotl", 120.0)) == 30.5
    assert results.seconds_to(0.9, race.of(0, "autotl", 120.0)) == math.inf


def test_the_table_has_ratios_and_the_notes_of_those_that_did_not_run(results, race, standings) -> None:
    results.put(race.of(0, "autokeras", 120.0), {"lines": [], "note": "cannot be installed"})
    competitors = ["autotl", "hand_written", "autokeras"]
    text = standings.table(results, race, [0], [20.0, 120.0], competitors, "hand_written")
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["autotl"] == ["autotl", "0.650", "(0.900)", "-", "30s", "0.8"]
    assert rows["hand_written"] == ["hand_written", "0.500", "(0.600)", "0.700", "(0.900)", "25s", "1.0"]
    assert rows["autokeras"] == ["autokeras", "-", "-", ">", "2m", "-"]
    assert "autokeras: cannot be installed" in text


def test_a_peers_clock_stands_still_while_held_out_pictures_are_scored(clock, monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock.time, "time", lambda: now)
    watch = clock.Clock(began=990.0, budget=20.0)
    with watch.standing():
        now = 1500.0
    assert watch.seconds() == 10.0
    now = 1509.0
    watch.check()
    now = 1510.0
    with pytest.raises(clock.TimeIsUp):
        watch.check()


def _pictures(root: Path, parts: list[str]) -> None:
    """Write 20 pictures of two classes into each part."""
    shutil.rmtree(root, ignore_errors=True)
    rng = np.random.default_rng(0)
    for part in parts:
        for name in ("ants", "bees"):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(10):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
