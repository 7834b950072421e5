"""The rule of the house: one room per dependency, and heavy libraries only where they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "autotl"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("keras", "tensorflow")
OWNERS = {
    "optuna": {"study"},
    "pluggy": {"plugins", "hookspecs"},
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "imagehash": {"data"},
    "pydantic": {"config"},
    "tomli_w": {"config"},
    "psutil": {"workers"},
    "platformdirs": {"transfer"},
    "pyarrow": {"embed"},
    "cleanlab": {"suspects"},
    "fastapi": {"serve"},
    "starlette": {"serve"},
    "uvicorn": {"serve"},
    "optuna_dashboard": {"dashboard"},
    "h5py": {"pretrain", "builtin/download", "builtin/vetting"},
    "tensorflow": {"builtin/exporters"},
}


def test_only_its_own_rooms_import_a_dependency() -> None:
    strangers = [
        f"{_room(file)} imports {module}"
        for file in FILES
        for module, _ in _imports(file)
        if not _may(_room(file), module.split(".")[0])
    ]
    assert strangers == []


@pytest.mark.parametrize("library", sorted(set(OWNERS) - {"tensorflow"}))
def test_each_owned_dependency_is_used(library) -> None:
    users = {_room(file).split("/")[0] for file in FILES for module, _ in _imports(file) if _top(module) == library}
    assert users, f"nobody imports {library} any more: take it out of pyproject.toml"


def test_keras_is_imported_inside_functions_alone() -> None:
    early = [
        f"{_room(file)} imports {module} as it is loaded"
        for file in FILES
        for module, at_once in _imports(file)
        if at_once and _top(module) in HEAVY
    ]
    assert early == []


def test_no_room_but_exporters_speaks_to_tensorflow() -> None:
    speakers = [
        _room(file)
        for file in FILES
        if _room(file) != "builtin/exporters"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tf"
    ]
    assert speakers == []


def test_built_in_parts_see_no_more_of_autotl_than_a_stranger_does() -> None:
    seen = {
        module
        for file in FILES
        if _room(file).startswith("builtin/")
        for module, _ in _imports(file)
        if _top(module) == "autotl" and module != "autotl" and not module.startswith("autotl.builtin")
    }
    assert seen == set()


def test_loading_every_module_loads_no_deep_learning_library() -> None:
    names = [_dotted(file) for file in FILES if file.name != "__main__.py"]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(HEAVY) & set(done.stdout.split()) == set()
    assert "autotl.flow" in done.stdout.split()


def _may(room: str, library: str) -> bool:
    owners = OWNERS.get(library)
    return owners is None or room in owners or room.split("/")[0] in owners


def _room(file: Path) -> str:
    """Return a module's place in the house: "study", "cli/search"."""
    return file.relative_to(PACKAGE).with_suffix("").as_posix()


def _dotted(file: Path) -> str:
    return ".".join(["autotl", *_room(file).split("/")]).removesuffix(".__init__")


def _top(module: str) -> str:
    return module.split(".")[0]


def _imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Yield each module that a file imports, and whether that happens as soon as the file is loaded."""
    tree = ast.parse(file.read_text("utf-8"))
    yield from _imports_below(tree, at_once=True)


def _imports_below(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, at_once) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are written in full"
            yield str(child.module), at_once
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from ((module, False) for module, _ in _imports_below(child, at_once=False))
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports_below(child, at_once and not inside)
