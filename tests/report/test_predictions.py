from __future__ import annotations

from rich.cells import cell_len

from autotl.predict import Prediction
from autotl.report.predictions import SHOWN, Sheet

CLASSES = ("ants", "bees")
MADE = [
    Prediction("pictures/[red]ant.jpg", "ants", 0.97, {"ants": 0.97, "bees": 0.03}),
    Prediction("/a/very/long/folder" * 8 + "/bee.jpg", "bees", 0.55, {"bees": 0.55, "ants": 0.45}),
    Prediction("torn.jpg", None, 0.0, problem="torn.jpg cannot be read: it ends too early"),
    Prediction("gr\x1bey.jpg", None, 0.51, {"ants": 0.51, "bees": 0.49}, abstained=True),
]


def shown(console, made, text_of, top=None) -> list[str]:
    sheet = Sheet(console, top)
    sheet.fill(made, CLASSES)
    sheet.end()
    return text_of(console).splitlines()


def test_each_picture_has_a_line_and_unreadable_ones_their_reason(screen, text_of) -> None:
    lines = shown(screen(80, terminal=False), MADE, text_of)
    assert lines[1].split()[:2] == ["pictures/[red]ant.jpg", "ants"]
    assert lines[1].endswith("97.0%")
    assert "/bee.jpg  bees" in lines[2]
    assert lines[3].split() == ["torn.jpg", "unreadable"]
    assert lines[4].split()[:2] == ["gr\\x1bey.jpg", "abstained"]
    assert lines[-1] == "! torn.jpg cannot be read: it ends too early"
    assert max(len(line) for line in lines) <= 80


def test_the_next_likely_classes_follow_when_asked_for(screen, text_of) -> None:
    lines = [line.split() for line in shown(screen(80, terminal=False), MADE, text_of, top=2)]
    assert lines[2] == ["bees", "3.0%"]
    assert [line[0] for line in lines[7:9]] == ["ants", "bees"]


def test_a_terminal_shows_the_first_of_many_when_all_are_made(screen, text_of) -> None:
    console = screen(80)
    sheet = Sheet(console)
    sheet.fill((MADE[0] for _ in range(SHOWN + 1200)), CLASSES)
    assert text_of(console) == ""
    sheet.end()
    text = text_of(console)
    assert text.count("ant.jpg") == SHOWN
    assert "and 1,200 more; --csv FILE writes them all" in text


def test_a_pipe_gets_each_line_as_it_comes(screen, text_of) -> None:
    console = screen(80, terminal=False)

    def made():
        for number, one in enumerate(MADE):
            assert len(text_of(console).splitlines()) == number + 1
            yield one

    Sheet(console).fill(made(), CLASSES)
    assert "abstained" in text_of(console)


def test_paths_of_wide_signs_keep_the_columns_in_line(screen, text_of) -> None:
    wide = [Prediction(f"{'画' * length}.jpg", "ants", 0.9) for length in (1, 9, 60)]
    lines = shown(screen(80, terminal=False), wide, text_of)
    assert len({cell_len(line.partition("ants")[0]) for line in lines[1:4]}) == 1
    assert {cell_len(line) for line in lines[1:4]} == {80}
