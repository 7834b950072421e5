from __future__ import annotations

import json

import pytest

GOOD = """
import autotl

class Mine(autotl.Head):
    name = "mine"
    space = {"units": autotl.Int(4, 8)}

    def build(self, classes, *, units):
        import keras
        layers = keras.layers
        return keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(units, "relu"), layers.Dense(classes)])

@autotl.hookimpl
def heads():
    return [Mine()]
"""
BAD = (
    GOOD.replace('name = "mine"', 'name = "worse"')
    .replace("*, units", "*, width")
    .replace("Dense(units", "Dense(width")
)


def test_the_list_names_the_built_in_parts(autotl) -> None:
    text = autotl("plugins", "list").stdout
    for word in (
        "backbones",
        "mobilenet_v2",
        "imagenet",
        "heads",
        "dense",
        "augmentations",
        "none",
        "exporters",
        ".keras",
    ):
        assert word in text


def test_the_list_as_json_has_every_kind(autotl) -> None:
    answer = json.loads(autotl("plugins", "list", "--json").stdout)
    assert set(answer) == {"backbones", "heads", "augmentations", "exporters", "failures"}
    named = {part["name"]: part for part in answer["backbones"]}
    assert named["mobilenet_v2"]["image_size"] == 224


def test_a_file_can_be_listed_too(autotl, tmp_path) -> None:
    file = tmp_path / "my_head.py"
    file.write_text(GOOD)
    answer = json.loads(autotl("plugins", "list", "--plugin", file, "--json").stdout)
    assert {"mine": "my_head"}.items() <= {part["name"]: part["plugin"] for part in answer["heads"]}.items()


@pytest.mark.parametrize(
    ("target", "message"),
    [("dens", "Did you mean 'dense'?"), ("nothing_here.py", "There is no file"), ("empty.py", "offers no part")],
)
def test_what_cannot_be_checked_is_explained(autotl, tmp_path, monkeypatch, target, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.py").write_text("")
    done = autotl("plugins", "check", target)
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_sound_part_passes_its_checks_and_an_unsound_one_fails(autotl, tmp_path) -> None:
    for name, text, code in (("good.py", GOOD, 0), ("bad.py", BAD, 1)):
        (tmp_path / name).write_text(text)
        done = autotl("plugins", "check", tmp_path / name, "--json")
        answer = json.loads(done.stdout)
        assert (done.exit_code, answer["ok"]) == (code, code == 0), done.output
        assert all(each["message"] for part in answer["parts"] for each in part["checks"] if not each["ok"])
