from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotl.predict import Prediction
from autotl.report.tally import Tally, tally

READ = st.builds(lambda label: Prediction("a", label, 0.5), st.sampled_from("abc"))
UNSURE = st.just(Prediction("a", None, 0.5, abstained=True))
TORN = st.just(Prediction("a", None, 0.0, problem="torn"))


def counted(made) -> Tally:
    found = Tally()
    for one in made:
        found.add(one)
    return found


@given(st.lists(READ | UNSURE | TORN))
def test_every_picture_is_counted_once(made) -> None:
    found = counted(made)
    assert found.pictures == len(made)
    assert found.abstained == sum(one.abstained for one in made)
    assert found.unreadable == sum(bool(one.problem) for one in made)
    assert len(found.problems) == min(found.unreadable, 10)


def test_the_most_frequent_labels_are_told_by_name(screen, text_of) -> None:
    console = screen(80, terminal=False)
    made = [Prediction("x", f"c{label}", 0.9) for label in range(30) for _ in range(30 - label)]
    made += [Prediction("x", None, 0.0, problem="torn")] * 35
    console.print(tally(counted(made), 2.0))
    lines = text_of(console).splitlines()
    assert lines[2].split() == ["c0", "30", "6.0%"]
    assert lines[22].split() == ["10", "other", "labels", "55", "11.0%"]
    assert lines[23].split() == ["unreadable", "35", "7.0%"]
    assert lines[25] == "500 pictures in 2s, 250 a second"
    assert lines[26:].count("! torn") == 10
    assert lines[-1] == "! and 25 more that cannot be read"


def test_one_picture_needs_no_table(screen, text_of) -> None:
    console = screen(80, terminal=False)
    console.print(tally(counted([Prediction("x", "a", 0.9)]), 0.5))
    assert text_of(console).splitlines() == ["", "1 picture in 0.5s, 2 a second"]
