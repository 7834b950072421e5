from __future__ import annotations

import os
import subprocess
import sys

import pytest

from autotl import config, flow
from autotl.cli.search import Metric
from autotl.errors import ConfigError

HEAVY = ("keras", "tensorflow", "optuna", "sklearn", "scipy", "matplotlib", "fastapi", "uvicorn")


def modules_after(*arguments: str) -> set[str]:
    """Return the top-level modules that a command has imported, in a process of its own."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\nMODULES', *{m.partition('.')[0] for m in sys.modules}, file=sys.stderr))\n"
        f"sys.argv = ['autotl', *{arguments!r}]\n"
        "from autotl.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("MODULES")[2].split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("search", "--help"), ("plugins", "list"), ("plugins", "list", "--json")]
)
def test_help_and_lists_import_nothing_heavy(arguments) -> None:
    assert not modules_after(*arguments) & set(HEAVY)


def test_help_is_lighter_still() -> None:
    assert not modules_after("--help") & {"pydantic", "numpy", "pluggy", "PIL"}


def test_help_answers_at_once() -> None:
    began = os.times()
    subprocess.run([sys.executable, "-m", "autotl", "--help"], capture_output=True, check=True)
    spent = os.times()
    used = spent.children_user - began.children_user + spent.children_system - began.children_system
    assert used < 0.5 * 2  # seconds of processor, on a machine half as fast as a common one


def test_help_shows_every_family(autotl) -> None:
    text = autotl("--help").stdout
    for word in (
        "search",
        "check",
        "leaderboard",
        "predict",
        "evaluate",
        "export",
        "serve",
        "plugins",
        "cache",
        "sample",
    ):
        assert word in text


def test_the_version_is_the_packages(autotl) -> None:
    import autotl as package

    assert autotl("--version").stdout == f"autotl {package.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("search",), ("search", "data", "--trials", "0"), ("search", "data", "--metric", "luck"),
     ("predict", "run"), ("cache", "clear", "--older-than", "soon")],
)  # fmt: skip
def test_wrong_usage_exits_with_2(autotl, arguments) -> None:
    assert autotl(*arguments).exit_code == 2


def test_a_users_error_is_one_line_and_exits_with_1(autotl, tmp_path) -> None:
    done = autotl("leaderboard", tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: There is no run folder")
    assert done.stderr.count("\n") == 1


def test_an_error_of_several_lines_is_told_in_one(autotl, monkeypatch) -> None:
    def fail(*_, **__):
        raise ConfigError("first\nsecond \x1b[31mred")

    monkeypatch.setattr(flow, "search", fail)
    assert autotl("search", "data").stderr == "error: first second \\x1b[31mred\n"


def test_ctrl_c_exits_with_130(autotl, monkeypatch) -> None:
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "search", interrupt)
    assert autotl("search", "data").exit_code == 130


def test_a_bug_of_ours_keeps_its_traceback() -> None:
    code = (
        "import sys; from autotl import flow; from autotl.cli import main\n"
        "def broken(*_, **__): raise ZeroDivisionError('our bug')\n"
        "flow.search = broken; sys.argv = ['autotl', 'search', 'data']; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: our bug" in done.stderr


def test_the_metrics_of_the_command_line_are_those_of_the_configuration() -> None:
    assert Metric == config.Metric
