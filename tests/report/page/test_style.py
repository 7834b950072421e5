"""Whether words can be read: the contrast of the style sheet's own colours, by day, by night and on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autotl.report.page import document, ink

STYLE = (Path(document.__file__).parent / "templates" / "style.css").read_text("utf-8")
WORDS, SHAPES = 4.5, 3.0  # WCAG 2.2, level AA: 1.4.3 and 1.4.11
DAY, NIGHT, PAPER = (
    dict(re.findall(r"--(\w+): ([^;]+);", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
)
MODES = {"day": DAY, "night": {**DAY, **NIGHT}, "paper": {**DAY, **PAPER}}
Colour = tuple[float, ...]


def colour(text: str) -> Colour:
    """Return red, green and blue, 0 to 255, of `#abc`, `#aabbcc` or `1 2 3`."""
    if not text.startswith("#"):
        return tuple(float(each) for each in text.split())
    digits = text[1:] if len(text) == 7 else "".join(2 * each for each in text[1:])
    return tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))


def laid_over(upper: Colour, lower: Colour, share: float) -> Colour:
    return tuple(share * above + (1 - share) * below for above, below in zip(upper, lower, strict=True))


def brightness(shown: Colour) -> float:
    parts = [each / 255 for each in shown]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((brightness(one), brightness(other)))
    return (lighter + 0.05) / (darker + 0.05)


def of_words() -> set[str]:
    """Return the colours that words have, in the style sheet and in the plots."""
    return {*re.findall(r"(?<![-\w])color: var\(--(\w+)\)", STYLE), ink._VARIABLES[ink.INK], ink._VARIABLES[ink.FAINT]}


def behind_words() -> set[str]:
    """Return the plain colours that lie behind something."""
    return set(re.findall(r"background: var\(--(\w+)\)", STYLE)) - {"accent"}  # bars, which hold no words


def test_black_on_white_has_the_contrast_that_the_definition_gives_it():
    assert contrast(colour("#000"), colour("#ffffff")) == pytest.approx(21)
    assert contrast(colour("119 119 119"), colour("#fff")) == pytest.approx(4.48, abs=0.005)


def test_the_colours_are_found():
    assert of_words() == {"ink", "faint", "accent"}
    assert behind_words() == {"paper", "raised"}
    assert all(values["ink"] != values["paper"] for values in MODES.values())
    assert DAY["ink"] != NIGHT["ink"] != PAPER["ink"]


@pytest.mark.parametrize("mode", MODES)
def test_words_can_be_read_on_every_ground(mode):
    found = {
        (word, ground): contrast(colour(MODES[mode][word]), colour(MODES[mode][ground]))
        for word in of_words()
        for ground in behind_words()
    }
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < WORDS} == {}


@pytest.mark.parametrize("mode", MODES)
def test_numbers_can_be_read_in_the_fullest_cell_of_a_confusion_matrix(mode):
    assert "rgb(var(--wash) / calc(var(--share) * var(--depth)))" in STYLE
    values = MODES[mode]
    fullest = laid_over(colour(values["wash"]), colour(values["paper"]), float(values["depth"]))
    assert contrast(colour(values["ink"]), fullest) >= WORDS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("line", ["accent", "second", "faint", "ink"])
def test_lines_and_dots_of_plots_can_be_seen(mode, line):
    assert contrast(colour(MODES[mode][line]), colour(MODES[mode]["paper"])) >= SHAPES
