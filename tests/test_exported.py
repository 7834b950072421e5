from __future__ import annotations

from pathlib import Path

import numpy as np
import pluggy
import pytest
from PIL import Image

from autotl import hookimpl, hookspecs
from autotl.errors import RunError
from autotl.evaluate import evaluate
from autotl.export import export
from autotl.exported import open_exported
from autotl.plugins import collect
from autotl.predict import infer, load_any, predict

from .formats import Coarse, Failing, Folder
from .saved_model import SIZE, save_run

FORMATS = Path(__file__).with_name("formats.py")


@pytest.fixture(scope="module")
def plugins():
    """The sound ones of the formats."""
    return knowing(Folder(), Coarse())


def knowing(*exporters):
    class Plugin:
        @staticmethod
        @hookimpl
        def exporters():
            return exporters

    manager = pluggy.PluginManager("autotl")
    manager.add_hookspecs(hookspecs)
    manager.register(Plugin(), "sound")
    return collect(manager)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "lamps")


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory) -> Path:
    """An export that tells its labels beside."""
    return export(run, tmp_path_factory.mktemp("out") / "m", format="folder", plugins=[FORMATS])


@pytest.fixture
def pictures(tmp_path) -> Path:
    for name, grey in {"dark/a": 0, "dark/b": 60, "bright/c": 255}.items():
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9), grey).save(path)
    return tmp_path / "pictures"


def test_an_export_knows_its_labels_and_its_size(folder, plugins):
    opened = open_exported(folder, plugins)
    assert (opened.classes, opened.image_size) == (("dark", "bright"), SIZE)
    assert opened.probabilities(np.zeros((2, *SIZE, 3), np.uint8)).shape == (2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Failing.change, "cannot answer for pictures of 12x16 pixels: out of luck"),
        (lambda _, answer: answer[0], r"answers one picture in the shape \(2,\); \(1, classes\) was expected"),
    ],
)
def test_what_is_no_model_of_pictures_is_refused_in_one_line(folder, change, message):
    strange = type("Strange", (Folder,), {"change": change})
    with pytest.raises(RunError, match=message):
        open_exported(folder, knowing(strange()))


def test_labels_inside_count_before_those_beside(run, tmp_path, plugins):
    written = export(run, tmp_path / "m", format="coarse", plugins=[FORMATS])
    (tmp_path / "m.labels.json").write_text('{"classes": ["be", "side"]}')
    assert open_exported(written, plugins).classes == ("inner", "names")


def test_pictures_are_answered_in_order_whatever_the_batch(folder, plugins, pictures):
    opened, files = open_exported(folder, plugins), sorted(pictures.rglob("*.png"))
    rows = [list(infer(opened, files, batch_size=size)) for size in (1, 2, 32)]
    assert [row.argmax() for row in rows[0]] == [1, 0, 0]
    np.testing.assert_allclose(rows[0], rows[2], rtol=1e-6)
    np.testing.assert_allclose(rows[1], rows[2], rtol=1e-6)


def test_a_saved_model_folder_predicts_and_evaluates_as_the_run_does(run, tmp_path, pictures):
    written = export(run, tmp_path / "m", format="savedmodel")
    made, wanted = predict(written, [pictures]), predict(run, [pictures])
    assert [each.label for each in made] == [each.label for each in wanted] == ["bright", "dark", "dark"]
    assert [each.confidence for each in made] == pytest.approx([each.confidence for each in wanted], abs=1e-5)
    assert evaluate(written, pictures).metrics["accuracy"] == 1.0


def test_a_format_that_no_plugin_opens_is_explained(tmp_path):
    (tmp_path / "m.gguf").write_text("?")
    with pytest.raises(RunError, match=r"m\.gguf is neither a run .* installed plugins open \.keras, .*\.savedmodel"):
        load_any(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{}", "does not say how large its pictures are. Write .*m.labels.json"),
        ('{"image_size": [12, 16], "classes": ["a"]}', "2 outputs, but its labels name 1"),
        ('{"classes": "ab"}', "cannot be read"),
    ],
)
def test_labels_that_do_not_help_are_explained(run, tmp_path, plugins, labels, message):
    written = export(run, tmp_path / "m", format="folder", plugins=[FORMATS])
    (tmp_path / "m.labels.json").write_text(labels)
    with pytest.raises(RunError, match=message):
        open_exported(written, plugins)
