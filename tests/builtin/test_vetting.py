from __future__ import annotations

import importlib
import pkgutil
import zipfile
from pathlib import Path

import pytest

import autotl
from autotl.builtin.vetting import vet, vet_weights
from autotl.errors import RunError
from autotl.plugins import catalogue
from autotl.predict import load_model

from .. import hostile
from ..saved_model import save

MARKER = Path("marker")  # names of tests are needed before there is a folder


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("model") / "model.keras", inside=["dark", "bright"])


@pytest.fixture(autouse=True)
def marker(tmp_path, monkeypatch):
    """Fails a test in which a model made a file, or left something outside its folder."""
    place = tmp_path / "room"
    place.mkdir()
    monkeypatch.chdir(place)
    yield place / "marker"
    assert not (place / "marker").exists()
    assert {file.name for file in tmp_path.iterdir()} <= {"room", "secret.h5"}
    assert not Path("/tmp/outside.txt").exists()


def refused(file: Path) -> None:
    """Check that a file is refused in one line wherever one of a user's is read."""
    with pytest.raises(RunError) as told:
        load_model(file)
    assert "\n" not in str(told.value)
    with pytest.raises(autotl.WeightsError) as told:
        autotl.SavedBackbone(file).build(32)
    assert "\n" not in str(told.value)


def test_ordinary_files_pass(model):
    vet(model)
    assert load_model(model).classes == ("dark", "bright")
    acorn = Path(autotl.__file__).parent / "builtin" / "acorn.keras"
    vet(acorn)


def test_the_layers_that_published_networks_bring_along_pass():
    import keras

    made = {
        "LayerScale": lambda layer, x: layer(0.1, 3)(x),
        "StochasticDepth": lambda layer, x: layer(0.1)(x),
        "CustomScaleLayer": lambda layer, x: layer(0.1)([x, x]),
    }
    x = pixels = keras.Input((8, 8, 3))
    for layer in _layers_of_networks():  # a new one fails here by its name
        x = made[layer.__name__](layer, x)
    keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x)).save("network.keras")
    assert load_model("network.keras").classes == ("0", "1", "2")


def _layers_of_networks():
    """Yield the layers that the modules of keras.applications define for themselves."""
    import keras

    package = keras.src.applications
    for name in sorted(each.name for each in pkgutil.iter_modules(package.__path__) if not each.name.endswith("_test")):
        module = importlib.import_module(f"{package.__name__}.{name}")
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, keras.Layer) and each.__module__ == module.__name__:
                yield each


def test_a_lambda_layer_as_keras_writes_it_is_refused(marker):
    file = hostile.lambda_model(Path("harm.keras"), marker)
    with pytest.raises(ValueError, match="it holds code"):
        vet(file)
    refused(file)


@pytest.mark.parametrize("what", sorted(hostile.classes(MARKER)))
def test_classes_that_are_no_layers_are_refused(what, model, marker):
    file = hostile.with_config(model, Path("harm.keras"), hostile.classes(marker)[what])
    with pytest.raises(ValueError, match=r"it (holds code|asks for|needs the class)|its (layer|configuration)"):
        vet(file)
    refused(file)


def test_a_class_that_a_plugin_registered_passes(model):
    def registered(config):
        hostile.of_class(config, "Dense").update(module=None, registered_name="mine>Dense")

    file = hostile.with_config(model, Path("mine.keras"), registered)
    vet(file, {"mine>Dense"})
    with pytest.raises(ValueError, match="'mine>Dense', which no plugin here registers"):
        vet(file)


@pytest.fixture(scope="module")
def strange(model, tmp_path_factory):
    return hostile.files(model, tmp_path_factory.mktemp("strange"))


@pytest.mark.parametrize(
    "what",
    [
        "a configuration too deep to read",
        "a member that climbs out",
        "a member that unfolds",
        "a member with another checksum",
        "an HDF5 file under this name",
        "an absolute member",
        "an asset that climbs out",
        "half a file",
        "no configuration",
        "weights that are none",
    ],
)
def test_files_that_are_not_what_they_seem_are_refused(what, strange):
    with pytest.raises(ValueError):
        vet(strange[what])
    refused(strange[what])


def test_a_member_that_is_there_twice_is_refused(model):
    file = Path("twice.keras")
    file.write_bytes(model.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"'config.json' twice"):
        vet(file)
    refused(file)


@pytest.mark.parametrize(
    "what",
    ["a circle", "a link to another file", "a shape that nothing fills", "a soft link", "data kept in another file"],
)
def test_weights_that_lead_elsewhere_are_refused(what, model, tmp_path):
    import h5py

    outside = tmp_path / "secret.h5"
    with h5py.File(outside, "w") as file:
        file["secret"] = [1.0, 2.0, 3.0]
    made = hostile.with_weights(model, Path("harm.keras"), hostile.links(outside)[what])
    with pytest.raises(ValueError, match="its weights"):
        vet(made)
    refused(made)
    alone = Path("harm.weights.h5")
    alone.write_bytes(hostile.members(made)["model.weights.h5"])
    with pytest.raises(ValueError, match="its weights"):
        vet_weights(alone)
    for backbone in ("mobilenet", "scattering"):
        with pytest.raises(autotl.WeightsError, match="its weights"):
            catalogue().backbone(backbone).build(32, weights=str(alone))
