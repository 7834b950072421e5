from __future__ import annotations

import json

import pytest

from .. import pictures

TINY = ("--width", "0.125", "--image-size", "32", "--batch-size", "8", "--views", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return pictures.write(tmp_path_factory.mktemp("source"), each=12)


def test_a_backbone_is_written_shown_and_searched_with(autotl, source, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AUTOTL_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "mine.keras"
    done = autotl("pretrain", source, "-o", file, *TINY, "--licence", f"{source.name}=CC0", "--probe", source)
    assert done.exit_code == 0, done.stderr
    assert f"written: {file}" in done.stdout.replace("\n", "")
    assert "CC0" in (tmp_path / "mine.md").read_text()
    text = autotl("plugins", "show", file).stdout
    assert "mine  backbone of mine" in text
    assert "CC0" in text
    (shown,) = json.loads(autotl("plugins", "show", file, "--json").stdout)
    assert shown["card"]["recipe"]["epochs"] == 1
    (measured,) = shown["card"]["probes"]
    assert measured["pictures"] == 24
    assert all(0 <= measured[name] <= 1 for name in ("features", "random", "pixels"))
    quick = ("--trials", "1", "--epochs", "1", "--head", "linear", "--augmentation", "none", "--confirm", "0", "--json")
    searched = autotl("search", source, "--backbone", file, "-o", tmp_path / "run", *quick)
    assert json.loads(searched.stdout)["best"]["candidate"]["backbone"] == "mine"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nowhere", "-o", "x.keras"), 1, "no folder"),
        (("{source}", "-o", "x.h5"), 1, "must end with .keras"),
        (("{source}", "-o", "x.keras", "--teacher", "mobilnet_v2"), 1, "Did you mean 'mobilenet_v2'"),
        (("{source}", "-o", "x.keras", "--time", "soon"), 1, "cannot be read"),
        (("{source}",), 2, "--out"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(autotl, source, tmp_path, monkeypatch, words, code, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = autotl("pretrain", *(word.format(source=source) for word in words))
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_built_in_part_is_shown_with_what_can_be_searched(autotl) -> None:
    text = autotl("plugins", "show", "dense").stdout
    assert "head.dense.units" in text
    assert "3,228,864" in autotl("plugins", "show", "mobilenet").stdout
