from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pluggy
import pytest

import autotl
from autotl import hookspecs
from autotl.errors import PluginError, UnknownPart
from autotl.plugins import BUILTINS, KINDS, catalogue, collect, file_plugin, load_file

HEAD = """
import autotl

class Mine(autotl.Head):
    name = "{name}"

    def build(self, classes):
        raise NotImplementedError

@autotl.hookimpl
def {hook}():
    return [Mine()]
"""


@pytest.fixture
def manager() -> pluggy.PluginManager:
    made = pluggy.PluginManager("autotl")
    made.add_hookspecs(hookspecs)
    return made


def head(name: str) -> autotl.Head:
    part = type("Some", (autotl.Head,), {"name": name, "build": lambda self, classes: None})
    return part()


def plugin(*parts: object) -> SimpleNamespace:
    return SimpleNamespace(heads=autotl.hookimpl(lambda: list(parts)))


def write(folder: Path, name: str = "mine", hook: str = "heads", file: str = "my_plugin.py") -> Path:
    path = folder / file
    path.write_text(HEAD.format(name=name, hook=hook), "utf-8")
    return path


def test_the_built_ins_offer_parts_of_every_kind():
    found = catalogue()
    assert not found.failures
    assert {kind: bool(parts) for kind, parts in found.offers.items()} == dict.fromkeys(KINDS, True)
    assert (
        found.names("head") == ("dense", "flatten_dense", "linear", "two_dense") == tuple(sorted(found.names("head")))
    )
    assert {"classic", "colour", "flip_crop", "none", "rand_augment"} <= set(found.names("augmentation"))
    assert found.exporter("keras").suffix == ".keras"


def test_the_answer_cannot_be_changed():
    found = catalogue()
    with pytest.raises(TypeError):
        found.offers["head"]["new"] = found.offers["head"]["dense"]  # type: ignore[index]


def test_each_hook_has_a_kind_and_each_kind_a_hook():
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "autotl_spec")}
    assert hooks == {f"{kind}s" for kind in KINDS}


def test_two_parts_may_not_share_a_name(manager):
    manager.register(plugin(head("same")), "first")
    manager.register(plugin(head("same")), "second")
    with pytest.raises(PluginError, match="'first' and 'second' both offer a head named 'same'"):
        collect(manager)


def test_two_parts_of_different_kinds_may_share_a_name(manager):
    manager.register(plugin(head("dense"), head("sparse")), "mine")
    assert collect(manager).names("head") == ("dense", "sparse")


def test_a_plugin_whose_hook_raises_is_named_and_the_others_still_work(manager):
    def broken() -> list[autotl.Head]:
        raise RuntimeError("no licence\nfound")

    manager.register(SimpleNamespace(heads=autotl.hookimpl(broken)), "broken")
    manager.register(plugin(head("good")), "good")
    found = collect(manager)
    assert found.names("head") == ("good",)
    assert [(each.plugin, each.reason) for each in found.failures] == [
        ("broken", "heads() failed: RuntimeError: no licence found")
    ]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("dense", "'dense' is not autotl.Head"),
        (head(""), "has no name"),
        (type("Bad", (autotl.Head,), {"name": "x", "space": {"a": (1, 2)}, "build": None})(), "expected names to Int"),
    ],
)
def test_what_is_no_part_is_reported(manager, part, reason):
    manager.register(plugin(part), "odd")
    (failure,) = collect(manager).failures
    assert reason in failure.reason


def test_a_file_is_a_plugin(tmp_path):
    found = catalogue([write(tmp_path)])
    assert found.head("mine").name == "mine"
    assert found.offers["head"]["mine"].plugin == "my_plugin"


def test_the_same_file_twice_is_one_plugin(tmp_path):
    path = write(tmp_path)
    assert "mine" in catalogue([path, path]).names("head")


def test_a_file_may_be_called_like_a_built_in(tmp_path):
    path = write(tmp_path, file="heads.py")
    assert file_plugin(path) == "heads.py"
    assert {"mine", "dense"} <= set(catalogue([path]).names("head"))


def test_a_file_that_clashes_names_both_plugins(tmp_path):
    with pytest.raises(PluginError, match="'heads' and 'my_plugin' both offer a head named 'dense'"):
        catalogue([write(tmp_path, name="dense")])


def test_a_misspelt_hook_is_reported(tmp_path):
    with pytest.raises(PluginError, match="head"):
        catalogue([write(tmp_path, hook="head")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def heads(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (HEAD.format(name="x", hook="heads").replace("return [Mine()]", "return [1 / 0]"), "ZeroDivisionError"),
    ],
)
def test_a_broken_file_stops_at_once_for_it_was_asked_for(tmp_path, text, reason):
    path = tmp_path / "broken.py"
    path.write_text(text, "utf-8")
    with pytest.raises(PluginError, match=reason) as caught:
        catalogue([path])
    assert "broken.py cannot be used" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PluginError, match="There is no file"):
        catalogue([tmp_path / "nowhere.py"])


def test_a_module_that_failed_is_not_left_behind(tmp_path):
    path = tmp_path / "broken_once.py"
    path.write_text("1 / 0", "utf-8")
    with pytest.raises(ZeroDivisionError):
        load_file(path)
    assert not [name for name in sys.modules if "broken_once" in name]


class Entry(SimpleNamespace):
    def load(self) -> object:
        return self.answer()


def raise_import_error() -> object:
    raise ImportError("libmissing.so")


def test_an_installed_plugin_that_fails_is_left_out(monkeypatch):
    entries = [
        Entry(name="zebra", answer=lambda: plugin(head("stripes"))),
        Entry(name="bad", answer=raise_import_error),
        Entry(name="odd", answer=lambda: SimpleNamespace(head=autotl.hookimpl(raise_import_error))),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
    found = catalogue()
    assert "stripes" in found.names("head")
    assert {each.plugin: each.reason for each in found.failures}["bad"] == "ImportError: libmissing.so"
    assert "unknown hook 'head'" in {each.plugin: each.reason for each in found.failures}["odd"]


def test_a_plugin_can_be_left_out():
    assert catalogue(without=["heads"]).names("head") == ()
    assert "scattering" not in catalogue(without=["scattering"]).names("backbone")


def test_an_unknown_part_offers_the_near_miss():
    with pytest.raises(
        UnknownPart, match=r"No head named 'dens'\. Did you mean 'dense'\? Installed: dense, flatten_dense"
    ):
        catalogue().head("dens")


def test_the_digest_of_a_part_is_that_of_its_file(tmp_path):
    path = write(tmp_path)
    before = catalogue([path]).source_digest("head", "mine")
    assert before == catalogue([path]).source_digest("head", "mine") != catalogue().source_digest("head", "dense")
    path.write_text(path.read_text("utf-8") + "\n# changed\n", "utf-8")
    assert catalogue([path]).source_digest("head", "mine") != before


def test_building_the_catalogue_imports_nothing_heavy():
    code = (
        "import sys; from autotl.plugins import catalogue; found = catalogue(); "
        "heavy = {'keras', 'tensorflow', 'optuna', 'sklearn', 'matplotlib', 'PIL', 'h5py'} & set(sys.modules); "
        "print(len(found.names('backbone')), sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, heavy = done.stdout.split(maxsplit=1)
    assert int(count) > 40
    assert heavy.strip() == "[]"


@pytest.mark.parametrize("dotted", BUILTINS)
def test_built_ins_use_the_public_names_alone(dotted):
    path = Path(autotl.__file__).parents[1] / Path(*dotted.split(".")).with_suffix(".py")
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    used = [line for line in lines if line.startswith(("from autotl", "import autotl"))]
    assert "import autotl" in used
    assert [line for line in used if line != "import autotl" and not line.startswith("from autotl.builtin.")] == []
