from __future__ import annotations

import shlex

from typer.main import get_command

from autotl.cli import app
from autotl.pretrain.settings import PretrainConfig, make


def test_the_command_of_a_pretraining_asks_for_the_same_without_telling_folders():
    config = make(
        sources=("/secret/place/leaves", "/secret/place/hands"),
        out="/secret/mine.keras",
        seconds=5400.0,
        teacher="mobilenet_v2",
        teacher_size=128,
        depths=3,
        width=0.5,
        half=True,
        generated=2000,
        probes=("/secret/flowers",),
        licences={"leaves": "CC BY 4.0"},
        cache="/secret/cache",
    )
    assert "secret" not in config.command
    words = shlex.split(config.command)
    assert words[:2] == ["autotl", "pretrain"]
    command = get_command(app).commands["pretrain"]  # type: ignore[attr-defined]
    parsed = command.make_context("pretrain", words[2:]).params
    assert parsed["source"] == ["leaves", "hands"]
    assert (parsed["time"], parsed["depths"], parsed["half"], parsed["width"]) == ("5400s", 3, True, 0.5)
    assert (parsed["probe"], parsed["licence"]) == (["flowers"], ["leaves=CC BY 4.0"])


def test_every_setting_of_a_pretraining_has_its_option_or_need_not_have_one():
    options = {parameter.name for parameter in get_command(app).commands["pretrain"].params}  # type: ignore[attr-defined]
    renamed = {"seconds": "time", "sources": "source", "probes": "probe", "licences": "licence", "plugins": "plugin"}
    settings = {renamed.get(name, name) for name in PretrainConfig.model_fields}
    assert settings - options == {"weight_decay"}


def test_what_only_changes_the_length_does_not_change_the_digest():
    base = make(sources=("a",), out="x.keras")
    assert base.digest == make(sources=("a",), out="y.keras", seconds=9.0, half=True).digest
    assert base.digest != make(sources=("a",), out="x.keras", depths=2).digest
