from __future__ import annotations

from autotl.report import view
from autotl.report.live import LiveView
from autotl.report.plain import PlainView
from autotl.report.view import QuietView, terminal


def test_a_terminal_gets_the_live_view_and_a_pipe_plain_lines(screen) -> None:
    assert isinstance(view(screen()), LiveView)
    assert isinstance(view(screen(terminal=False)), PlainView)
    assert isinstance(view(screen(), quiet=True), QuietView)


def test_quiet_says_nothing(screen, began, text_of) -> None:
    console = screen()
    with view(console, quiet=True) as watcher:
        watcher(began)
    assert text_of(console) == ""


def test_a_pipe_is_wide_enough_for_tables_unless_told_otherwise(monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert terminal().width == 120
    monkeypatch.setenv("COLUMNS", "70")
    assert terminal().width == 70
