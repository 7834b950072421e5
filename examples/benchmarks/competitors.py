"""Runs one competitor of the race in a process of its own, and returns what it reached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir
from splits import Split

PEERS = Path(__file__).parent / "peers"
VENVS = Path(user_cache_dir("autotl")) / "peers"
SCRIPTS = {
    "hand_written": "hand_written.py",
    "kerastuner": "kerastuner_hyperband.py",
    "autokeras": "autokeras_classifier.py",
}
_PATIENCE = 120.0  # seconds over twice the budget, in which the clock may stand still to score held-out pictures


@dataclass(frozen=True)
class Settings:
    """What is the same for every competitor."""

    split: Split
    backbones: tuple[str, ...]
    size: int
    epochs: int
    venvs: Path


def requirements(peer: str) -> tuple[str, ...]:
    """Return what pip installs for a peer: the very Keras and TensorFlow that autotl runs on, where that works."""
    same = tuple(f"{name}=={version(name)}" for name in ("keras", "tensorflow"))
    return {
        "hand_written": (*same, "optuna", "pillow"),
        "kerastuner": (*same, "keras-tuner", "tensorboard", "pillow"),
        "autokeras": ("autokeras", "keras<3.12", "tensorflow<2.21", "tensorboard", "pillow"),
    }[peer]


def interpreter(peer: str, venvs: Path) -> Path:
    """Return the Python of a peer's virtual environment, made on first use; raises RuntimeError."""
    folder, wanted = venvs / peer, "\n".join(requirements(peer))
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = folder / "installed.txt"
    if installed.is_file() and installed.read_text("utf-8") == wanted:
        return python
    print(f"installing {peer} into {folder} …", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", *requirements(peer)]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"cannot be installed: {last_line(done.stderr)}")
    installed.write_text(wanted, "utf-8")
    return python


def run_peer(peer: str, settings: Settings, seed: int, budget: float) -> dict[str, Any]:
    """Return the lines that a peer wrote in `budget` seconds, and a note if it did not run to the end."""
    try:
        python = interpreter(peer, settings.venvs)
    except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
        return {"lines": [], "note": str(error)}
    with tempfile.TemporaryDirectory() as scratch:
        journal, log = Path(scratch) / "journal.jsonl", Path(scratch) / "log.txt"
        command = [
            *(python, PEERS / SCRIPTS[peer]),
            *("--data", settings.split.given, "--held-out", settings.split.held_out),
            *("--journal", journal, "--scratch", Path(scratch) / "tuner", "--budget", budget),
            *("--size", settings.size, "--epochs", settings.epochs, "--seed", seed),
            *("--backbones", *settings.backbones, "--began", time.time()),
        ]
        with log.open("wb") as out:
            try:
                code = subprocess.run(
                    list(map(str, command)), stdout=out, stderr=out, env=_environment(), timeout=2 * budget + _PATIENCE
                ).returncode
            except subprocess.TimeoutExpired:
                code = -9
        text = journal.read_text("utf-8") if journal.is_file() else ""
        said = [json.loads(line) for line in text.splitlines()]
        notes = [line["note"] for line in said if "note" in line]
        if code:
            notes.append(f"ended early: {last_line(log.read_text('utf-8', errors='replace'))}")
        return {"lines": [line for line in said if "t" in line], "note": "; ".join(notes)}


def run_autotl(settings: Settings, seed: int, budget: float) -> dict[str, Any]:
    """Return the scores of a search through the command line, with an empty cache, and the seconds it took."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        command = [
            *(
                "search",
                settings.split.given,
                "--out",
                run,
                "--time",
                f"{budget:g}s",
                "--cache",
                Path(scratch) / "cache",
            ),
            *("--image-size", settings.size, "--epochs", settings.epochs, "--seed", seed, "--quiet", "--json"),
            *(word for name in settings.backbones for word in ("--backbone", name)),
        ]
        began = time.monotonic()
        searched = _autotl(command)
        seconds = time.monotonic() - began
        if searched.returncode:
            return {"seconds": round(seconds, 2), "note": last_line(searched.stderr)}
        answer = json.loads(searched.stdout)
        scored = _autotl(["evaluate", run, settings.split.held_out, "--json"])
        if scored.returncode:
            return {"seconds": round(seconds, 2), "note": last_line(scored.stderr)}
        return {
            "seconds": round(seconds, 2),
            "valid": answer["valid"]["accuracy"],
            "test": json.loads(scored.stdout)["metrics"]["accuracy"],
            "trials": answer["trials"],
            "recipe": answer["best"]["candidate"],
            "note": "",
        }


def last_line(text: str) -> str:
    """Return the last line that says something, shortened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def _autotl(words: list[Any]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autotl", *map(str, words)]
    return subprocess.run(command, env=_environment(), capture_output=True, text=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
