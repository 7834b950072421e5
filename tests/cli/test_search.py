from __future__ import annotations

import json

import pytest

from autotl import events, flow
from autotl.config import SearchConfig, make, with_preset
from autotl.result import SearchResult


@pytest.fixture
def asked(monkeypatch, run) -> dict:
    """What the search was asked for; the search itself is over at once, with the result in `run`."""
    caught: dict = {}

    def search(data, *, watcher, **settings) -> SearchResult:
        caught.update(settings, data=data)
        result = SearchResult(run)
        watcher(events.SearchBegan(result.config, result.dataset, str(run)))
        print("a library says hello")
        watcher(events.Note("mind the gap", warning=True))
        watcher(events.SearchEnded(result))
        return result

    monkeypatch.setattr(flow, "search", search)
    return caught


def test_every_option_reaches_the_search(autotl, asked) -> None:
    done = autotl(
        "search", "pictures", "-o", "there", "-t", "5m", "--trials", "7", "--epochs", "3",
        "--preset", "best", "--confirm", "1", "--soup", "--precision", "float32",
        "--backbone", "a", "--backbone", "b", "--head", "h", "--augmentation", "x", "--set", "head.h.units=512",
        "--set", "unfrozen_layers=15", "--weights", "a=random", "--metric", "macro_f1", "--plugin", "mine.py",
        "--without", "other", "--image-size", "96", "--views", "2", "--valid-split", "0.3", "--test-split", "0.1",
        "--seed", "5", "--workers", "2", "--memory", "900", "--cache", "kept", "--cache-quota", "1.5", "--no-probe",
        "--keep-duplicates", "--max-megapixels", "50", "--max-latency-ms", "12.5", "--max-size-mb", "20",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert asked.pop("data") == "pictures"
    assert str(asked.pop("out")) == "there"
    assert asked == {
        "time": "5m",
        "keep_duplicates": True,
        "max_megapixels": 50.0,
        "max_latency_ms": 12.5,
        "max_size_mb": 20.0,
        "trials": 7,
        "preset": "best",
        "epochs": 3,
        "confirm": 1,
        "soup": True,
        "backbones": ("a", "b"),
        "heads": ("h",),
        "augmentations": ("x",),
        "pins": {"head.h.units": "512", "unfrozen_layers": "15"},
        "weights": {"a": "random"},
        "metric": "macro_f1",
        "probe": False,
        "plugins": ("mine.py",),
        "without": ("other",),
        "image_size": 96,
        "views": 2,
        "valid_split": 0.3,
        "test_split": 0.1,
        "seed": 5,
        "workers": 2,
        "precision": "float32",
        "memory": 900,
        "cache": "kept",
        "cache_quota": 1.5,
    }


def test_what_is_not_said_is_as_the_configuration_has_it(autotl, asked) -> None:
    autotl("search", "pictures")
    assert (asked.pop("out"), asked.pop("time")) == (None, None)
    assert make(**with_preset({**asked, "out": "o", "trials": 1})) == SearchConfig(data="pictures", out="o", trials=1)


def test_a_piped_search_tells_its_progress_and_the_report(autotl, asked, run) -> None:
    text = autotl("search", "pictures").stdout
    assert "9 pictures of 2 classes (ants, bees)" in text
    assert "warning: mind the gap" in text
    assert "No untouched test part exists." in text
    assert f"autotl predict {run}" in " ".join(text.split())


def test_a_quiet_search_gives_the_report_alone(autotl, asked) -> None:
    text = autotl("search", "pictures", "--quiet").stdout
    assert "mind the gap" not in text
    assert "Best model" in text


def test_json_stands_alone_on_standard_output(autotl, asked, run) -> None:
    done = autotl("search", "pictures", "--json")
    answer = json.loads(done.stdout)
    assert answer["run"] == str(run)
    assert answer["model"].endswith("model.keras")
    assert answer["best"]["number"] == 1
    assert (answer["valid"]["accuracy"], answer["test"]) == (0.95, None)
    assert "9 pictures" in done.stderr
    assert "a library says hello" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"), [("--set", "units", "NAME=VALUE"), ("--weights", "=x", "NAME=VALUE")]
)
def test_a_pair_without_its_halves_is_explained(autotl, asked, option, value, message) -> None:
    done = autotl("search", "pictures", option, value)
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "soon"), "write 90s, 5m, 1.5h or 1h30m"),
        (("--backbone", "mobilenet_v22"), "Did you mean 'mobilenet_v2'?"),
        (("--head", "dens"), "Did you mean 'dense'?"),
        (("--valid-split", "2"), "valid_split=2.0 cannot be"),
        ((), "There is no folder or CSV"),
    ],
)
def test_a_search_that_cannot_be_says_why(autotl, tmp_path, arguments, message) -> None:
    done = autotl("search", tmp_path / "nowhere", "--out", tmp_path / "run", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
