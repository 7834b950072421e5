from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from autotl.data.dataset import Dataset, Picture
from autotl.errors import ConfigError, RunError, UnknownPart
from autotl.export import export, exports, planned
from autotl.predict import load_model, predict
from autotl.result import open_run

from .saved_model import SIZE, save, save_run

FORMATS = Path(__file__).with_name("formats.py")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run whose data is gone."""
    return save_run(tmp_path_factory.mktemp("runs") / "lamps")


@pytest.fixture(scope="module")
def run_with_data(tmp_path_factory) -> Path:
    """A run of ten pictures, half of them for validation; one of those is mislabelled, and one is gone."""
    run = save_run(tmp_path_factory.mktemp("runs") / "lamps")
    made = []
    for number in range(10):
        file = run.parent / f"{number}.png"
        Image.new("L", (9, 9), 20 * number).save(file)
        label = int(number > 6)  # the model says so from 7 on: a mean above 128
        split = "valid" if number % 2 else "train"
        made.append(Picture(str(file), 1 - label if number == 3 else label, split, f"{number:064x}", 9, 9))
    (run.parent / "5.png").unlink()
    (run / "dataset.json").write_text(Dataset(str(run.parent), ("dark", "bright"), tuple(made)).to_json())
    return run


def made_by(run, out, formats, precisions=(), **more):
    return list(exports(run, planned(run, out, formats, precisions, plugins=[FORMATS]), **more))


def test_a_run_is_exported_as_one_file_that_knows_its_labels(run, tmp_path):
    written = open_run(run).export(tmp_path / "new" / "best")
    assert written == tmp_path / "new" / "best.keras"
    assert list(written.parent.iterdir()) == [written]
    assert load_model(written).classes == ("dark", "bright")
    Image.new("L", (9, 9), 140).save(tmp_path / "a.png")
    assert predict(written, [tmp_path / "a.png"]) == predict(run, [tmp_path / "a.png"])


def test_a_model_file_can_be_exported_too(tmp_path):
    file = save(tmp_path / "a.keras", inside=["dark", "bright"])
    written = export(file, f"{tmp_path}/new/", format="folder", plugins=[FORMATS])
    assert written == tmp_path / "new" / "a.model"


def test_an_existing_file_is_kept_unless_told_otherwise(run, tmp_path):
    file = tmp_path / "m.model"
    file.write_text("mine")
    with pytest.raises(RunError, match=r"exists already.*--force"):
        export(run, file, format="folder", plugins=[FORMATS])
    assert file.read_text() == "mine"


def test_a_format_may_be_a_folder_and_replace_one(run, tmp_path):
    written = export(run, tmp_path / "m", format="folder", plugins=[FORMATS])
    assert (written / "classes.txt").read_text() == "dark\nbright"
    (written / "classes.txt").write_text("old")
    assert export(run, written, format="folder", plugins=[FORMATS], overwrite=True) == written
    assert (written / "classes.txt").read_text() == "dark\nbright"


def test_an_export_that_strays_is_kept_under_another_name(run, tmp_path):
    rejected = tmp_path / "m.rejected.model"
    with pytest.raises(RunError, match=r"probabilities differ by 0.001, .*kept as .*m\.rejected\.model"):
        export(run, tmp_path / "m", format="shifted", plugins=[FORMATS])
    assert {each.name for each in tmp_path.iterdir()} == {rejected.name, "m.rejected.labels.json"}
    assert export(run, tmp_path / "m", format="shifted", plugins=[FORMATS], overwrite=True) == tmp_path / "m.model"


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("nonsense", "probabilities differ by nan"),
        ("narrow", r"answers in the shape \(32, 1\)"),
        ("unwritable", "failed: ValueError: no more disk"),
        ("nothing", "did not write m.model"),
        ("unloadable", "cannot be loaded: what is this"),
        ("homeless", "needs the module 'no_such_runtime', which is not installed"),
        ("deadly", "The process that loaded m.model fell: exit code 3"),
        ("failing", "was loaded, but fails: ValueError: out of luck"),
    ],
)
def test_what_cannot_be_compared_or_believed_is_not_exported(run, tmp_path, format, message):
    with pytest.raises(RunError, match=message):
        export(run, tmp_path / "m", format=format, plugins=[FORMATS])
    assert not (tmp_path / "m.model").exists()
    assert not list(tmp_path.glob(".export-*"))


def test_one_export_that_fails_does_not_stop_the_others(run, tmp_path):
    made = made_by(run, tmp_path, ("unwritable", "folder"))
    assert [one.accepted for one in made] == [False, True]
    assert [one.path for one in made] == [None, tmp_path / "lamps.model"]


def test_exports_are_compared_on_the_pictures_of_the_run(run_with_data, tmp_path):
    (made,) = made_by(run_with_data, tmp_path, ("folder",))
    assert made.parity
    assert (made.parity.pictures, made.parity.noise) == (4, False)
    assert made.parity.keras_accuracy == made.parity.accuracy == 0.75
    assert made.parity.agreement == 1.0
    assert made.parity.difference < 1e-5
    assert made.parity.milliseconds > 0
    assert made.parity.milliseconds_one_thread is None
    assert made.bytes > 100


def test_without_pictures_noise_is_shown_and_accuracy_cannot_be_asked_for(run, tmp_path):
    (made,) = made_by(run, tmp_path, ("coarse",))
    assert made.parity
    assert (made.parity.noise, made.parity.accuracy) == (True, None)
    assert made.parity.milliseconds_one_thread
    with pytest.raises(RunError, match="no validation pictures to measure accuracy on"):
        made_by(run, tmp_path / "new", ("coarse",), at_least=0.5)


def test_an_accuracy_that_was_asked_for_is_not_waived(run_with_data, tmp_path):
    (made,) = made_by(run_with_data, tmp_path, ("folder",), at_least=0.9, force=True)
    assert not made.accepted
    assert made.objection == "its accuracy is 0.750, at least 0.9 was asked for"
    assert made.path == tmp_path / "lamps.rejected.model"
    assert made_by(run_with_data, tmp_path, ("folder",), at_least=0.7)[0].accepted


def test_precisions_are_written_where_a_format_offers_them(run_with_data, tmp_path):
    made = made_by(run_with_data, tmp_path, ("coarse", "folder"), ("int8",))
    assert [(one.precision, one.path) for one in made] == [
        ("int8", tmp_path / "lamps.int8.coarse"),
        ("float32", tmp_path / "lamps.model"),
    ]
    assert (tmp_path / "lamps.int8.coarse" / "seen.txt").read_text() == "int8 5"  # training pictures
    assert all(one.accepted for one in made)
    assert made[0].parity
    assert 0.01 < made[0].parity.difference < 0.1


def test_a_precision_that_no_format_offers_is_refused(run, tmp_path):
    with pytest.raises(
        ConfigError, match=r"no precision 'int9'\. Did you mean 'int8'\? coarse can store .*: float32, int8"
    ):
        planned(run, tmp_path, ("coarse",), ("int9",), plugins=[FORMATS])


def test_labels_lie_beside_an_export_that_cannot_hold_them(run, tmp_path):
    Image.new("L", (9, 9), 140).save(tmp_path / "a.png")
    assert made_by(run, f"{tmp_path}/new/", ("folder", "coarse"))
    assert {each.name for each in (tmp_path / "new").iterdir()} == {
        "lamps.model",
        "lamps.labels.json",
        "lamps.coarse",
    }


def test_a_format_that_nobody_offers_is_refused(run, tmp_path):
    with pytest.raises(UnknownPart, match="No exporter named 'onxx'"):
        export(run, tmp_path / "m", format="onxx")


def test_plugins_that_a_run_names_are_loaded_only_when_asked_for(tmp_path):
    plugin = tmp_path / "mine.py"
    ran = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n"
    plugin.write_text(FORMATS.read_text("utf-8") + ran, "utf-8")
    run = save_run(tmp_path / "run", plugins=(str(plugin), str(tmp_path / "gone.py")))
    with pytest.raises(UnknownPart, match=f"if you trust them, add --plugin {plugin} --plugin"):
        export(run, tmp_path / "out", format="folder")
    assert planned(run, tmp_path / "out")
    assert not plugin.with_suffix(".ran").exists()
    assert export(run, tmp_path / "out", format="folder", plugins=[plugin]) == tmp_path / "out.model"
    assert plugin.with_suffix(".ran").exists()


def test_the_size_of_pictures_is_fixed_in_an_export(tmp_path):
    save_run(tmp_path / "run")
    save(tmp_path / "run" / "best" / "model.keras", size=(None, None))
    written = export(tmp_path / "run", tmp_path / "m", format="folder", plugins=[FORMATS])
    assert (written / "shape.txt").read_text() == str((None, *SIZE, 3))
