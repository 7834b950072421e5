from __future__ import annotations

import dataclasses
import importlib.metadata
import shutil
import sys

import pytest

from autotl import origin
from autotl.candidate import Anatomy
from autotl.config import make
from autotl.data.dataset import Dataset, Picture
from autotl.errors import RunError
from autotl.folder import RunFolder
from autotl.plugins import catalogue

from .searches import PLUGIN

DATA = Dataset("/d", ("a", "b"), (Picture("/d/a/1.png", 0, "train", "0" * 64, 9, 9),))
PARTS = ("head plain", "head dense")


def anatomy(name: str, weights_digest: str = "0") -> Anatomy:
    return Anatomy(name, 32, 10, 1000, (3, 3, 16), (0, 10), (0, 10), "imagenet", weights_digest)


@pytest.fixture
def plugin(tmp_path):
    return shutil.copy(PLUGIN, tmp_path / "mine.py")


@pytest.fixture
def began(tmp_path, plugin):
    """Begins a session in one run folder, in which trials have begun."""
    folder = RunFolder(tmp_path / "run")
    config = make(data="/d", out=str(folder.path), plugins=(str(plugin),), epochs=3)

    def begin(parts=None):
        made = origin.begin(folder, config, DATA, parts or catalogue([plugin]), PARTS)
        made.save(folder)
        folder.study.touch()
        return made

    return begin, folder


def test_an_origin_is_kept_with_the_command_and_every_version(began):
    begin, folder = began
    made = begin()
    assert origin.read(folder) == made
    assert made.data == DATA.fingerprint
    assert made.code.keys() == made.plugins.keys() == set(PARTS)
    assert made.plugins["head plain"] == "mine"
    versions = made.sessions[0].versions
    assert versions["keras"] == importlib.metadata.version("keras")
    assert {"python", "platform", "backend", "numpy", "optuna", "pillow", "scikit-learn"} <= versions.keys()
    assert versions["backend"] in versions


def test_from_python_the_command_is_the_call():
    said = origin.command(make(data="my data", out="run", trials=3, heads=("plain",)))
    assert said == "autotl.search('my data', out='run', trials=3, heads=('plain',))"
    assert eval(said.replace("autotl.search", "make"), {"make": lambda data, **rest: rest["heads"]}) == ("plain",)


@pytest.mark.parametrize("program", ["/usr/bin/autotl", "/lib/autotl/__main__.py"])
def test_on_the_command_line_it_can_be_typed_again(monkeypatch, program):
    monkeypatch.setattr(sys, "argv", [program, "search", "my data", "--time", "2m"])
    assert origin.command(make(data="my data", out="run")) == "autotl search 'my data' --time 2m"


def test_changed_code_of_a_plugin_is_refused_by_name(began, plugin):
    begin, _ = began
    begin()
    plugin.write_text(plugin.read_text("utf-8") + "\n# changed\n", "utf-8")
    with pytest.raises(RunError, match=r"The code of the head 'plain', of the plugin 'mine', has changed.*--out"):
        begin()


def test_a_plugin_that_is_gone_is_refused_by_name(began):
    begin, _ = began
    begin()
    with pytest.raises(RunError, match="the head 'plain' of the plugin 'mine', which is gone"):
        begin(catalogue())


def test_before_any_trial_a_plugin_may_change(began, plugin):
    begin, folder = began
    begin()
    folder.study.unlink()
    plugin.write_text(plugin.read_text("utf-8") + "\n# changed\n", "utf-8")
    begin()


def test_other_versions_are_told_and_the_search_goes_on(began):
    begin, _ = began
    first, told = begin(), []
    origin.tell_versions(first, told.append)
    origin.tell_versions(begin(), told.append)
    assert told == []
    older = dataclasses.replace(first.sessions[0], versions={**first.sessions[0].versions, "keras": "2.0"})
    origin.tell_versions(dataclasses.replace(first, sessions=(older, first.sessions[0])), told.append)
    (note,) = told
    assert note.warning
    assert f"keras 2.0 -> {importlib.metadata.version('keras')}." in note.text


def test_a_part_installed_since_is_left_out(began):
    begin, _ = began
    told = []
    names = {"backbone": (), "head": ("dense", "new", "plain"), "augmentation": ()}
    kept = origin.same_parts(begin(), names, told.append)
    assert kept == {"backbone": (), "head": ("dense", "plain"), "augmentation": ()}
    assert "began without: new." in told[0].text


def test_other_weights_are_refused_and_new_backbones_left_out(began):
    begin, folder = began
    told, parts = [], catalogue()
    both = {name: anatomy(name) for name in ("mobilenet", "acorn")}
    assert origin.same_backbones(begin(), folder, both, parts, told.append) == both
    known = origin.read(folder)
    assert known.weights == {"mobilenet": "0", "acorn": "0"}
    assert "backbone acorn" in known.code
    more = {**both, "vgg16": anatomy("vgg16")}
    assert origin.same_backbones(known, folder, more, parts, told.append) == both
    assert "vgg16" in told[0].text
    with pytest.raises(RunError, match="weights of the backbone 'acorn' are others"):
        origin.same_backbones(known, folder, {**both, "acorn": anatomy("acorn", "1")}, parts, told.append)
    with pytest.raises(RunError, match="'mobilenet', which cannot be had now"):
        origin.same_backbones(known, folder, {"acorn": both["acorn"]}, parts, told.append)


@pytest.mark.parametrize("wrong", ["[]", "{", '{"code": []}', "null", '{"sessions": 1}'])
def test_an_origin_of_another_shape_is_refused(tmp_path, wrong):
    RunFolder(tmp_path).origin.write_text(wrong)
    with pytest.raises(RunError, match="cannot be read"):
        origin.read(RunFolder(tmp_path))
