from __future__ import annotations

import json

from .. import pictures


def test_features_are_written_and_algorithms_compared(autotl, tmp_path) -> None:
    data = pictures.write(tmp_path / "data", each=12)
    asked = ("embed", data, "--backbone", "scattering", "--image-size", "32", "--compare")
    done = autotl(*asked, "-o", tmp_path / "features.npz")
    assert done.exit_code == 0, done.stderr
    assert "linear SVM" in done.stdout
    assert "24 pictures, 486 features each" in done.stdout
    answer = json.loads(autotl(*asked, "-o", tmp_path / "again.npz", "--json").stdout)
    assert answer["pictures"] == 24
    assert len(answer["classical"]) == 3


def test_a_wrong_format_is_refused_before_any_work(autotl, tmp_path) -> None:
    done = autotl("embed", tmp_path, "--backbone", "scattering", "-o", tmp_path / "features.csv")
    assert done.exit_code == 1
    assert "must end with .npz or .parquet" in done.stderr
