from __future__ import annotations

import ast
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from autotl.cli import app
from autotl.config import make, read_pairs
from autotl.plugins import catalogue
from autotl.proposals import narrow

EXAMPLES = Path(__file__).parents[1] / "examples"
SHIP = (EXAMPLES / "ship.md").read_text("utf-8")
RECIPES = ("inception_v3_recipe.py", "vgg16_recipe.py")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """48 noisy pictures of 32 px, mostly red, green or blue."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (folder / name).mkdir()
        for number in range(16):
            pixels = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def run(tmp_path):
    """Runs Python with arguments, in a folder and with a cache of its own."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "AUTOTL_CACHE": str(tmp_path / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)

    return run


def test_the_quickstart_ends_with_labels_and_a_model(run, pictures, tmp_path) -> None:
    few = ("--trials", "2", "--epochs", "2", "--backbone", "scattering")
    done = run(EXAMPLES / "quickstart.py", pictures, "--out", "run", *few)
    assert done.returncode == 0, done.stderr
    assert "backbone scattering: ready" in done.stdout
    assert re.search(r"best of \d+ trials: .*\nvalidation accuracy [01]\.\d+\ntest accuracy", done.stdout)
    assert len(re.findall(r"\.png: (red|green|blue) \(\d+%\)", done.stdout)) == 3
    assert (tmp_path / "run" / "best" / "model.keras").is_file()


@pytest.mark.parametrize(
    ("name", "size", "unfrozen"), [pytest.param(RECIPES[0], 75, 31, marks=pytest.mark.slow), (RECIPES[1], 32, 4)]
)
def test_a_recipe_is_one_trial_with_the_last_block_unfrozen(run, pictures, tmp_path, name, size, unfrozen) -> None:
    tiny = ("--weights", "random", "--image-size", size, "--epochs", "1")
    done = run(EXAMPLES / name, pictures, "--out", "run", *tiny)
    assert done.returncode == 0, done.stderr
    assert f"layers unfrozen: {unfrozen}, best epoch: 1" in done.stdout
    assert re.search(r"valid accuracy: [01]\.\d+\ntest accuracy: [01]\.\d+\nmodel: run", done.stdout)
    assert [folder.name for folder in (tmp_path / "run" / "trials").iterdir()] == ["0"]


def test_a_recipe_without_its_weights_ends_with_one_line(run, pictures) -> None:
    done = run(EXAMPLES / RECIPES[1], pictures, "--out", "run", "--weights", "nowhere.h5")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: .*There is no weights file nowhere\.h5 .*\n", done.stderr)


@pytest.mark.parametrize("name", RECIPES)
def test_the_command_of_a_recipe_asks_for_the_same_as_its_python(name) -> None:
    script = (EXAMPLES / name).read_text("utf-8")
    command = re.search(r"^    (autotl search .*?)\n\n", script, re.DOTALL | re.MULTILINE)
    assert command
    words = shlex.split(command[1].replace("\\\n", " "))
    asked = get_command(app).commands["search"].make_context("search", words[2:]).params  # type: ignore[attr-defined]
    call = next(node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call) and _called(node))
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert asked["trials"] == ast.literal_eval(given["trials"]) == 1
    assert tuple(asked["backbone"]) == ast.literal_eval(given["backbones"])
    assert tuple(asked["augmentation"]) == ast.literal_eval(given["augmentations"])
    options = _defaults(script)
    assert asked["epochs"] == options["--epochs"]
    assert asked["image_size"] == options["--image-size"]
    pins = {key.value: _value(value, options) for key, value in _items(given["pins"])}
    told = read_pairs(asked["pin"], "--set")
    assert _read(told) == _read(pins)


def test_a_head_in_a_file_is_searched_with(run, pictures, tmp_path) -> None:
    chosen = ("--plugin", EXAMPLES / "custom_head.py", "--head", "attention", "--backbone", "scattering")
    few = ("--trials", "1", "--epochs", "1", "--image-size", "32", "--out", "run")
    done = run("-m", "autotl", "search", pictures, *chosen, *few)
    assert done.returncode == 0, done.stderr
    assert "scattering · 32 px · frozen · attention" in done.stdout
    assert (tmp_path / "run" / "best" / "model.keras").is_file()


def test_a_head_in_a_file_keeps_its_contract(run) -> None:
    done = run("-m", "autotl", "plugins", "check", EXAMPLES / "custom_head.py")
    assert done.returncode == 0, done.stdout
    assert "attention" in done.stdout


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("search_speed.py", "feature store"),
        ("race.py", "held-out pictures"),
        ("overhead.py", "floor"),
        ("scale.py", "Memory"),
        ("checking.py", "pictures a second"),
        ("killing.py", "kill -9"),
        ("flat.py", "trial after trial"),
        ("parity.py", "beside Keras"),
        ("serving.py", "SIGTERM"),
        ("predicting.py", "does its memory grow"),
    ],
)
def test_a_benchmark_explains_itself_at_once(run, name, word) -> None:
    done = run("-X", "importtime", EXAMPLES / "benchmarks" / name, "--help")
    assert done.returncode == 0, done.stderr
    assert word in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"keras", "tensorflow", "optuna"}


def test_the_readme_names_every_example_and_no_other() -> None:
    named = set(re.findall(r"\]\(([\w/]+\.py)\)", (EXAMPLES / "README.md").read_text("utf-8")))
    assert named == {file.relative_to(EXAMPLES).as_posix() for file in EXAMPLES.rglob("*.py")}


@pytest.mark.parametrize("line", re.findall(r"^autotl .*$", SHIP, re.MULTILINE))
def test_a_command_of_the_page_on_shipping_is_understood(line) -> None:
    _, name, *arguments = shlex.split(line)
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, arguments)  # raises on an unknown option or a missing argument


def test_the_page_on_shipping_names_files_that_exist() -> None:
    named = re.findall(r"\./(plugins/[\w-]+)|python (examples/\w+\.py)", SHIP)
    assert len(named) >= 4
    assert all((EXAMPLES.parent / (package or script)).exists() for package, script in named)


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_an_onnx_export_is_served_without_keras(tmp_path) -> None:
    file = _onnx(tmp_path)
    words = [sys.executable, "-X", "importtime", str(EXAMPLES / "serve_onnx.py"), str(file), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            url = server.stdout.readline().split()[-1]
            picture = io.BytesIO()
            Image.new("RGB", (9, 9), (250, 0, 0)).save(picture, "PNG")
            told = json.load(urllib.request.urlopen(url, picture.getvalue()))
            with pytest.raises(urllib.error.HTTPError, match="400") as refused:
                urllib.request.urlopen(url, b"nonsense")
            refused.value.close()
        finally:
            server.kill()
        imported = {line.rsplit("|", 1)[-1].strip() for line in server.communicate()[1].splitlines()}
    assert told["label"] == "red"
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=0.001)
    assert "onnxruntime" in imported
    assert not imported & {"keras", "tensorflow", "autotl"}


def _onnx(folder: Path) -> Path:
    """Write a graph that takes the mean of each colour for its probability."""
    import onnx
    from onnx import helper

    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Softmax", ["means"], ["probabilities"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in (("pixels", ["n", 8, 8, 3]), ("probabilities", ["n", 3]))
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "colours", *ends), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    labels = {"classes": ["red", "green", "blue"], "image_size": [8, 8]}
    model.metadata_props.add(key="labels", value=json.dumps(labels))
    onnx.save(model, folder / "colours.onnx")
    return folder / "colours.onnx"


def _called(node: ast.Call) -> bool:
    return ast.unparse(node.func) == "autotl.search"


def _items(node: ast.expr) -> list[tuple[ast.Constant, ast.expr]]:
    assert isinstance(node, ast.Dict)
    return [(key, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)]


def _defaults(script: str) -> dict[str, object]:
    """Return the default of each argument of a script."""
    calls = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call)]
    found = {}
    for call in calls:
        if ast.unparse(call.func) == "parser.add_argument":
            more = {keyword.arg: keyword.value for keyword in call.keywords}
            found[ast.literal_eval(call.args[0])] = ast.literal_eval(more["default"]) if "default" in more else None
    return found


def _value(node: ast.expr, options: dict[str, object]) -> object:
    if isinstance(node, ast.Attribute):  # options.unfrozen
        return options[f"--{node.attr}"]
    return ast.literal_eval(node)


def _read(pins: dict) -> tuple:
    """Return the pins as a search reads them, whether they were typed or given as values."""
    config = make(data="d", out="o", pins=pins)
    return narrow(catalogue(), config.pins, {"backbone": (), "head": (), "augmentation": ()})
