from __future__ import annotations

import json

import pytest


@pytest.fixture(autouse=True)
def _empty(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_the_list_tells_what_is_here_and_where_it_would_be(autotl, tmp_path) -> None:
    text = autotl("weights", "list").stdout
    assert "mobilenet_v2" in text
    assert "comes with it" in text
    assert "about 9.03 MB" in text
    answer = json.loads(autotl("weights", "list", "--json").stdout)
    assert answer["folder"] == str(tmp_path / "keras" / "models")
    assert {row["state"] for row in answer["backbones"]} == {"missing", "built in"}
    assert autotl("weights", "where").stdout.strip() == answer["folder"]


def test_a_file_that_is_no_weights_is_damaged(autotl, tmp_path) -> None:
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (tmp_path / "keras" / "models").mkdir(parents=True)
    (tmp_path / "keras" / "models" / name).write_text("half a download")
    done = autotl("weights", "verify")
    assert done.exit_code == 1
    assert "damaged" in done.stdout
    (row,) = json.loads(autotl("weights", "verify", "--json").stdout)["backbones"]
    assert (row["backbone"], row["state"]) == ("mobilenet_v2", "damaged")


def test_an_unknown_name_is_told_with_a_near_miss(autotl) -> None:
    done = autotl("weights", "fetch", "mobilnet")
    assert done.exit_code == 1
    assert "Did you mean 'mobilenet'" in done.stderr
