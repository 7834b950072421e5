from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.printable import printable

LETTERS = st.characters(categories=["L", "M", "N", "P", "S", "Zs"])


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys_or_hides(text: str) -> None:
    kinds = {unicodedata.category(char) for char in printable(text) if char not in "\u200c\u200d"}
    assert kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert printable(printable(text)) == printable(text)


@given(st.text(LETTERS))
def test_ordinary_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("word", ["می‌خواهم", "क्‍ष", "👩‍🔬", "1 000 €", "图片\u3000一", "[red]rose[/red] :smile:"])
def test_joined_letters_wide_spaces_and_markup_are_ordinary_text(word: str) -> None:
    assert printable(word) == word


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat\x1b[2J.jpg", "cat\\x1b[2J.jpg"),
        ("gpj.\u202etac", "gpj.\\u202etac"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("caf\udce9", "caf\\udce9"),
        ("\x9b2J\u2028", "\\x9b2J\\u2028"),
    ],
)
def test_what_would_be_obeyed_is_written_out(name: str, shown: str) -> None:
    assert printable(name) == shown
