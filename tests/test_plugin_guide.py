"""The guide "Write a plugin" cannot fall behind the code: its blocks run, its headings and commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autotl import hookspecs
from autotl.plugins import KINDS, catalogue
from autotl.testing import run

GUIDE = (Path(__file__).parents[1] / "plugins" / "README.md").read_text("utf-8")
HOOKS = sorted(name for name, value in vars(hookspecs).items() if hasattr(value, "autotl_spec"))
BLOCKS = {
    name: text
    for _, name, text in re.findall(r"^```(python|toml)\n# ([\w.]+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
}
PLUGINS = [name for name in BLOCKS if name.startswith("my_")]
COMMANDS = re.findall(r"(?:^|`|&& )(autotl [^`\n&]+)", GUIDE, re.MULTILINE)


def spoken(line: str) -> tuple[str, ...]:
    """Return the words that name a command, without its arguments."""
    first, *rest = line.split()[1:]
    return (first, rest[0]) if first in ("plugins", "sample") else (first,)


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_hook_has_a_heading():
    assert sorted(f"{kind}s" for kind in KINDS) == HOOKS
    for hook in HOOKS:
        assert f"\n## {hook}()\n" in GUIDE


def test_every_hook_is_used_by_a_part_that_comes_with_autotl():
    found = catalogue()
    assert all(found.names(hook.removesuffix("s")) for hook in HOOKS)


def test_the_guide_shows_a_part_of_every_kind(folder):
    found = catalogue([folder / name for name in PLUGINS])
    shown = {
        kind for kind, offers in found.offers.items() for offer in offers.values() if offer.plugin.startswith("my_")
    }
    assert shown == set(KINDS)


@pytest.mark.parametrize("name", PLUGINS)
def test_the_parts_of_the_guide_keep_their_contracts(folder, name):
    offers = catalogue([folder / name]).offers.values()
    parts = [offer.part for kind in offers for offer in kind.values() if offer.plugin == Path(name).stem]
    assert [part.name for part in parts]
    assert [result for part in parts for result in run(part) if not result.ok] == []


def test_the_package_of_the_guide_names_its_module():
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    assert project["entry-points"] == {"autotl": {"wide": "autotl_wide"}}
    assert f"{project['name']}/\n" in GUIDE
    assert "src/autotl_wide/__init__.py" in GUIDE


def test_the_tests_of_the_guide_pass(folder):
    (folder / "my_head.py").rename(folder / "autotl_wide.py")
    assert "7 passed" in python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_wide.py")


def test_the_check_in_python_prints_every_check(folder):
    lines = python(folder, "check_it.py").splitlines()
    assert [line[:3] for line in lines if line.startswith(("ok", "BAD"))] == ["ok "] * 7


@pytest.mark.parametrize("words", sorted(set(map(spoken, COMMANDS))), ids=" ".join)
def test_the_commands_of_the_guide_exist(words):
    shown = python(Path.cwd(), "-m", "autotl", *words, "--help")
    typed = {flag for line in COMMANDS if spoken(line) == words for flag in re.findall(r" (--?[a-z]+)", line)}
    assert {flag for flag in typed if flag not in shown} == set()


def test_the_pattern_package_is_linked():
    assert "(autotl-tiny)" in GUIDE
    assert (Path(__file__).parents[1] / "plugins" / "autotl-tiny" / "pyproject.toml").is_file()
