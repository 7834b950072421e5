from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotl.report.glyphs import ASCII, UNICODE, glyphs


@given(st.lists(st.floats(), max_size=30), st.integers(1, 20))
def test_a_sparkline_has_a_bar_for_each_of_the_last_finite_numbers(numbers, width) -> None:
    finite = [n for n in numbers if abs(n) < float("inf")]
    assert len(UNICODE.sparkline(numbers, width)) == min(width, len(finite))


def test_a_sparkline_rises_with_its_numbers() -> None:
    assert UNICODE.sparkline([0.1, 0.5, 0.9], 8) == "▁▅█"
    assert UNICODE.sparkline([0.5, 0.5], 8) == "▅▅"


def test_a_terminal_without_unicode_gets_plain_signs(screen) -> None:
    assert glyphs(screen(encoding="ascii")) is ASCII
    assert glyphs(screen()) is UNICODE
