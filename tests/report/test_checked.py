from __future__ import annotations

import dataclasses

from autotl.data.finding import found
from autotl.report.checked import checked


def test_each_finding_has_its_gravity_and_its_advice(dataset, screen, text_of) -> None:
    console = screen(60, terminal=False)
    console.print(checked(dataset))
    text = text_of(console)
    assert "error    1 file cannot be read and is left out: [red]a.jpg" in text
    assert text.splitlines()[-1] == "1 finding (1 error). The data can be searched."
    assert max(map(len, text.splitlines())) <= 60


def test_names_stay_whole_and_on_one_line(dataset, screen, text_of) -> None:
    console = screen(60, terminal=False)
    names = ("[bold]" + 40 * "long " + "a.jpg", "new\nline.jpg")
    console.print(
        checked(dataclasses.replace(dataset, findings=(found("alike", "Alike.", sets=(names,)),)), files=True),
        crop=False,
    )
    assert f"    {names[0]} = new\\nline.jpg" in text_of(console).splitlines()


def test_data_without_a_finding_are_said_to_be_fine(dataset, screen, text_of) -> None:
    console = screen(80, terminal=False)
    console.print(checked(dataclasses.replace(dataset, findings=())))
    assert text_of(console).splitlines()[-1] == "0 findings. The data can be searched."
