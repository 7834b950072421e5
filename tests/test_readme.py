from __future__ import annotations

import ast
import re
import shlex

import pytest
from typer.main import get_command

import autotl
from autotl.cli import app
from autotl.config import SearchConfig
from autotl.proposals import ON_REQUEST, TRAINING
from autotl.result import SearchResult

from .test_rooms import OWNERS, PACKAGE

ROOT = PACKAGE.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SEARCH_ARGUMENTS = {"out", "time", "watcher", *SearchConfig.model_fields}


def section(title: str) -> str:
    """Return the text below a heading, up to the next one of its rank."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def commands() -> list[str]:
    """Return every `autotl …` command of the shell blocks."""
    lines = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
    words = [re.sub(r"^(\w+=\S+ )+", "", part.strip()) for line in lines for part in line.split("&&")]
    return [each for each in words if each.startswith("autotl ")]


def leaf(arguments: list[str]):
    """Return the command that arguments reach, and the arguments it gets itself."""
    command = get_command(app)
    while hasattr(command, "commands"):
        name, *arguments = arguments
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    return command, arguments


def test_setting_up_takes_exactly_two_commands() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", section("Set up"), re.DOTALL | re.MULTILINE)
    assert [len(block.splitlines()) for block in blocks] == [1, 1]
    assert blocks[0].startswith("pip install . && autotl ")
    assert " && autotl search " in blocks[0]
    assert blocks[1] == 'pip install ".[test]" && pytest\n'


def test_enough_commands_are_shown_to_be_worth_a_test() -> None:
    families = {shlex.split(command)[1] for command in commands()}
    assert families == set(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", commands())
def test_a_command_line_of_the_readme_is_understood(command) -> None:
    reached, arguments = leaf(shlex.split(command)[1:])
    reached.make_context(str(reached.name), arguments)  # raises on an unknown option or a missing argument


def test_every_option_of_search_is_told() -> None:
    parameters = [parameter for parameter in leaf(["search"])[0].params if parameter.opts[0].startswith("-")]
    assert len(parameters) > 15
    assert [parameter.name for parameter in parameters if not _is_told(parameter, section("Search"))] == []


def test_every_option_told_exists() -> None:
    parameters = [parameter for path in _paths(get_command(app)) for parameter in path.params]
    known = {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
    told = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", README))
    assert told - known == set()


def test_the_dimensions_of_training_are_told() -> None:
    assert [name for name in (*TRAINING, *ON_REQUEST, "unfrozen_layers") if f"`{name}`" not in section("Search")] == []


@pytest.mark.parametrize("code", [block for language, block in BLOCKS if language == "python"])
def test_the_python_shown_uses_what_exists(code) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "autotl":
            assert node.attr in autotl.__all__
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "result":
            assert hasattr(SearchResult, node.attr)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "autotl.search":
            assert {keyword.arg for keyword in node.keywords} <= SEARCH_ARGUMENTS


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in README.splitlines()}
    local = [link for link in links if "://" not in link]
    assert len(local) >= 4
    lost = [link for link in local if not (link[1:] in headings if link[0] == "#" else (ROOT / link).exists())]
    assert lost == []


def test_every_room_is_named_in_how_it_is_built() -> None:
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    named = {name for row in _rows() for name in row[0]}
    assert rooms - {"__init__"} == named


def test_the_rooms_of_a_dependency_are_those_told() -> None:
    told = {library: set(rooms) for rooms, cell in _rows() for library in OWNERS if re.search(rf"\b{library}\b", cell)}
    assert told.keys() == OWNERS.keys()
    for library, owners in OWNERS.items():
        assert {owner.split("/")[0] for owner in owners} & told[library], library


def _is_told(parameter, text: str) -> bool:
    """Return whether every long name of an option is told; of a switch, the name that changes something will do."""
    names = parameter.secondary_opts or parameter.opts
    return all(re.search(rf"`{name}\b", text) for name in names if name.startswith("--"))


def _rows() -> list[tuple[list[str], str]]:
    """Return the rooms and the third cell of each row of the table of rooms."""
    rows = [line.strip("|").split("|") for line in section("How it is built").splitlines() if line.startswith("| `")]
    return [(re.findall(r"`(\w+)`", cells[0]), cells[2]) for cells in rows]


def _paths(command) -> list:
    inner = getattr(command, "commands", {}).values()
    return [command, *(each for sub in inner for each in _paths(sub))]
