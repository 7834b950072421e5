from __future__ import annotations

import pytest

from autotl import events
from autotl.report.live import LiveView


def frame(view: LiveView, console) -> str:
    lines = console.render_lines(view.draw(), pad=False)
    return "\n".join("".join(segment.text for segment in line) for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_tells_data_budget_training_and_leaderboard(width, began, record, screen) -> None:
    console, now = screen(width), [1000.0]
    view = LiveView(console, clock=lambda: now[0])
    with view:
        view(began)
        view(events.BackboneResolved("mobilenet_v2", "imagenet", 224, 154, 2_257_984))
        view(events.BackboneResolved("resnet50", "imagenet", 0, 0, 0, problem="its weights cannot be had"))
        early = frame(view, console)
        view(events.TrialEnded(record(0, score=0.931)))
        view(events.TrialBegan(1, record(1).candidate))
        view(events.EpochEnded(1, 10, {"epoch": 1, "score": 0.845, "loss": 0.5, "seconds": 1.0}))
        view(events.Progress("features of mobilenet_v2", 30, 40))
        now[0] += 65
        late = frame(view, console)
    for word in (
        "mobilenet_v2",
        "px",
        "224",
        "layers",
        "154",
        "2.3M",
        "imagenet",
        "resnet50",
        "its weights cannot be had",
    ):
        assert word in early
    for word in ("insects", "40 pictures", "2 classes", "ants, bees", "train 20", "valid 10", "test 10"):
        assert word in late
    for word in ("[red]a.jpg", "1m 05s of 5m", "3m 55s left", "best accuracy 0.931", "epoch 1/10", "0.845", "30 of 40"):
        assert word in late


def test_the_view_wipes_itself_away_and_leaves_the_warnings(began, record, screen, text_of) -> None:
    console = screen()
    with LiveView(console) as view:
        view(began)
        view(events.Note("just so you know"))
        view(events.TrialEnded(record(4, "failed", None)))
        view(events.SearchEnded(None))  # type: ignore[arg-type]
        assert not view._live.is_started
    left = text_of(console).rpartition("\x1b[2K")[2]  # after the last line that was wiped
    assert "! trial 4 failed: the worker ran out of memory" in left
    assert "just so you know" not in left
    assert "leaderboard" not in left


def test_an_error_leaves_the_screen_in_order(began, screen, text_of) -> None:
    console = screen()
    with pytest.raises(KeyboardInterrupt), LiveView(console) as view:
        view(began)
        raise KeyboardInterrupt
    assert not view._live.is_started
    assert text_of(console).count("\x1b[?25l") == text_of(console).count("\x1b[?25h") == 1  # the cursor came back


def test_an_error_before_the_first_event_draws_nothing(screen, text_of) -> None:
    console = screen()
    with pytest.raises(ValueError, match="no data"), LiveView(console):
        raise ValueError("no data")
    assert text_of(console) == ""


def test_a_terminal_without_unicode_is_written_in_ascii(began, record, screen, text_of) -> None:
    console = screen(encoding="ascii")
    with LiveView(console) as view:
        view(began)
        view(events.TrialEnded(record(0)))
        view(events.TrialBegan(1, record(1).candidate))
        console.print(view.draw())
    assert "leaderboard" in text_of(console)
    assert "\\x" not in text_of(console) and "\\u" not in text_of(
        console
    )  # as which the console writes what it cannot show


def test_many_warnings_are_summed_up_at_the_end(record, screen, text_of) -> None:
    console = screen()
    with LiveView(console) as view:
        for number in range(30):
            view(events.TrialEnded(record(number, "failed", None)))
    left = text_of(console).rpartition("\x1b[2K")[2]
    assert left.count("failed") == 8
    assert "! and 22 more warnings, in log.jsonl" in left
