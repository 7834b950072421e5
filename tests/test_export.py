from __future__ import annotations

from pathlib import Path

import numpy as np
import pluggy
import pytest

from autotl import Exporter, hookimpl, hookspecs
from autotl.errors import RunError, UnknownPart
from autotl.export import export
from autotl.plugins import collect
from autotl.predict import load_model, predict
from autotl.result import open_run

from .saved_model import save, save_run


class Folder(Exporter):
    """Writes a folder with the numbers that matter; `wrong` ones if asked to."""

    name = "folder"
    suffix = ".model"

    def __init__(self, change=lambda answer: answer, fail: str = "") -> None:
        self.change = change
        self.fail = fail

    def write(self, model, path, *, classes):
        if self.fail == "write":
            path.write_text("half")
            raise ValueError("no more disk")
        if self.fail == "nothing":
            return path
        path.mkdir()
        model.save(path / "inner.keras")
        (path / "classes.txt").write_text("\n".join(classes))
        return path

    def load(self, path):
        if self.fail == "load":
            raise ValueError("what is this?")
        loaded = load_model(path / "inner.keras")
        return lambda pixels: self.change(loaded.probabilities(pixels))


def catalogue_of(exporter):
    class Plugin:
        @staticmethod
        @hookimpl
        def exporters():
            return [exporter]

    manager = pluggy.PluginManager("autotl")
    manager.add_hookspecs(hookspecs)
    manager.register(Plugin(), "p")
    return collect(manager)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_run(tmp_path_factory.mktemp("run"))


def test_a_run_is_exported_as_one_file_that_knows_its_labels(run, tmp_path):
    written = open_run(run).export(tmp_path / "new" / "best")
    assert written == tmp_path / "new" / "best.keras"
    assert list(written.parent.iterdir()) == [written]
    assert load_model(written).classes == ("dark", "bright")
    pixels = np.random.default_rng(1).uniform(0, 255, (3, 12, 16, 3))
    assert np.array_equal(load_model(written).probabilities(pixels), load_model(run).probabilities(pixels))


def test_a_model_file_can_be_exported_too(tmp_path):
    file = save(tmp_path / "a.keras", inside=["dark", "bright"])
    assert load_model(export(file, tmp_path / "b.keras")).classes == ("dark", "bright")


def test_an_existing_file_is_kept_unless_told_otherwise(run, tmp_path):
    file = tmp_path / "m.keras"
    file.write_text("mine")
    with pytest.raises(RunError, match=r"exists already.*--force"):
        export(run, file)
    assert file.read_text() == "mine"
    assert load_model(export(run, file, overwrite=True)).classes == ("dark", "bright")


def test_a_format_may_be_a_folder_and_replace_one(run, tmp_path):
    plugins = catalogue_of(Folder())
    written = export(run, tmp_path / "m", format="folder", plugins=plugins)
    assert (written / "classes.txt").read_text() == "dark\nbright"
    (written / "classes.txt").write_text("old")
    assert export(run, written, format="folder", plugins=plugins, overwrite=True) == written
    assert (written / "classes.txt").read_text() == "dark\nbright"


@pytest.mark.parametrize(
    ("exporter", "message"),
    [
        (Folder(lambda answer: answer + 1e-3), "probabilities differ by 0.001"),
        (Folder(lambda answer: answer * np.nan), "probabilities differ by nan"),
        (Folder(lambda answer: answer[:, :1]), "probabilities differ by inf"),
        (Folder(fail="write"), "failed: ValueError: no more disk"),
        (Folder(fail="nothing"), "did not write m.model"),
        (Folder(fail="load"), "cannot be loaded: what is this"),
    ],
)
def test_what_does_not_answer_as_the_model_is_not_kept(run, tmp_path, exporter, message):
    with pytest.raises(RunError, match=message):
        export(run, tmp_path / "m", format="folder", plugins=catalogue_of(exporter))
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_nobody_offers_is_refused(run, tmp_path):
    with pytest.raises(UnknownPart, match="No exporter named 'onxx'"):
        export(run, tmp_path / "m", format="onxx")


def test_plugins_that_a_run_names_are_loaded_only_when_asked_for(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import autotl, pathlib\n"
        "pathlib.Path(__file__).with_suffix('.ran').touch()\n"
        "from autotl.builtin.exporters import KerasExporter\n"
        "class Mine(KerasExporter):\n"
        "    name, suffix = 'mine', '.mine'\n"
        "    def load(self, path):\n"
        "        import keras, shutil\n"
        "        copy = shutil.copy(path, path.with_suffix('.keras'))\n"
        "        return lambda pixels: keras.models.load_model(copy).predict(pixels, verbose=0)\n"
        "@autotl.hookimpl\n"
        "def exporters():\n"
        "    return [Mine()]\n"
    )
    run = save_run(tmp_path / "run", plugins=(str(plugin), str(tmp_path / "gone.py")))
    with pytest.raises(UnknownPart, match=f"if you trust them, add --plugin {plugin} --plugin"):
        export(run, tmp_path / "out", format="mine")
    assert export(run, tmp_path / "out") == tmp_path / "out.keras"
    assert not plugin.with_suffix(".ran").exists()
    assert export(run, tmp_path / "out", format="mine", plugins=[plugin]) == tmp_path / "out.mine"


def test_predictions_after_export_are_the_same(run, tmp_path):
    from PIL import Image

    Image.new("L", (9, 9), 140).save(tmp_path / "a.png")
    written = export(run, tmp_path / "m")
    assert predict(written, [tmp_path / "a.png"]) == predict(run, [tmp_path / "a.png"])
