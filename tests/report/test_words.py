from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Candidate
from autotl.data import Finding
from autotl.printable import printable
from autotl.report import words


@given(st.text())
def test_cleaned_text_is_printable_and_on_one_line(text: str) -> None:
    cleaned = words.clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert printable(cleaned) == cleaned


def test_cleaning_shows_escape_codes_instead_of_obeying_them() -> None:
    assert words.clean("cat\x1b[2J\u202e.jpg") == "cat\\x1b[2J\\u202e.jpg"
    assert words.clean("two\nlines\tand tabs") == "two lines and tabs"
    assert words.clean("caf\udce9") == "caf\\udce9"


def test_notes_on_the_data_share_one_line(dataset) -> None:
    notes = [Finding(kind, "Odd.") for kind in ("cmyk", "palette")]
    (unreadable,) = dataset.findings
    told = words.findings(dataclasses.replace(dataset, findings=(unreadable, *notes)))
    assert told == [unreadable.message, "2 notes on odd files, told by autotl check"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.42, "0.4s"), (5, "5s"), (9.97, "10s"), (59.4, "59s"), (59.6, "1m"), (125, "2m 05s"),
        (3599.7, "1h"), (3840, "1h 04m"), (90000, "1d 01h"), (float("nan"), "-"), (-1, "-"),
    ],
)  # fmt: skip
def test_spans_read_naturally(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


def test_scores_have_three_decimals_and_missing_ones_a_dash() -> None:
    assert words.score(0.94771) == "0.948"
    assert words.score(None) == words.score(float("nan")) == "-"


def test_counts_and_sizes_take_few_letters() -> None:
    assert [words.count(n) for n in (7, 999, 1500, 2_257_984, 118_000_000)] == ["7", "999", "1.5k", "2.3M", "118M"]
    assert [words.size(n) for n in (12, 1500, 2_340_000, 20e9, 3e12)] == [
        "12 B",
        "1.5 kB",
        "2.34 MB",
        "20 GB",
        "3000 GB",
    ]


def test_small_numbers_are_written_with_a_power_of_ten() -> None:
    assert [words.value(v) for v in (0.00032, 0.25, 256, "relu", True, 0.0)] == [
        "3.2e-4",
        "0.25",
        "256",
        "relu",
        "True",
        "0",
    ]


def test_a_recipe_names_every_part_and_says_frozen() -> None:
    candidate = Candidate("mobilenet_v2", "dense", "none", 224, 0, 10, {"learning_rate": 1e-3})
    assert words.recipe(candidate) == "mobilenet_v2 · 224 px · frozen · dense · none · rate 1.0e-3"


def test_milliseconds_have_a_decimal_where_it_tells_something() -> None:
    assert [words.milliseconds(n) for n in (0.04, 8.25, 99.99, 1537.2, None)] == ["0.0", "8.2", "100", "1537", "-"]


def test_probes_are_counted_by_themselves() -> None:
    assert (words.trials(1, 0), words.trials(0, 1), words.trials(3, 4)) == (
        "1 trial",
        "0 trials · 1 probe",
        "3 trials · 4 probes",
    )


def test_a_probe_tells_no_rate(record) -> None:
    assert words.made_of(record(0)) == "mobilenet_v2 · 224 px · 9 unfrozen · dense · flip_crop · rate 3.2e-4"
    probe = dataclasses.replace(record(0), probe=True)
    assert words.made_of(probe) == "mobilenet_v2 · 224 px · 9 unfrozen · dense · flip_crop · probe"
