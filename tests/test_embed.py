from __future__ import annotations

import numpy as np
import pytest

from autotl.embed import Embedding, compare, embed
from autotl.errors import ConfigError, UnknownPart

from . import pictures


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pictures.write(tmp_path_factory.mktemp("data"), each=20, size=40)


def made(vectors, labels) -> Embedding:
    paths = tuple(f"{place}.png" for place in range(len(labels)))
    return Embedding("some", 32, paths, tuple(labels), ("train",) * len(labels), np.asarray(vectors, np.float32))


def test_each_picture_has_one_vector_and_they_come_back(data, tmp_path):
    done = embed(data, "scattering", image_size=32)
    assert done.vectors.shape == (40, 486)
    assert np.isfinite(done.vectors).all()
    done.write(tmp_path / "new" / "features.npz")
    with np.load(tmp_path / "new" / "features.npz") as file:
        np.testing.assert_array_equal(file["vectors"], done.vectors)
        assert tuple(file["labels"]) == done.labels
        assert tuple(file["paths"]) == done.paths
        assert str(file["backbone"]) == "scattering"


def test_the_vectors_are_the_mean_of_the_feature_map(data):
    from autotl.data.decode import decode
    from autotl.plugins import catalogue

    done = embed(data, "scattering", image_size=32)
    model = catalogue().backbone("scattering").build(32)
    for place in (0, 33):
        pixels = decode(done.paths[place], (32, 32)).astype(np.float32)[None]
        expected = np.asarray(model(pixels)).mean(axis=(1, 2))[0]
        np.testing.assert_allclose(done.vectors[place], expected, rtol=1e-3, atol=1e-3)


def test_classes_that_lie_apart_are_told_apart_by_each_algorithm():
    rng = np.random.default_rng(0)
    labels = ["ants"] * 30 + ["bees"] * 30
    apart = rng.normal(size=(60, 5)) + np.repeat([[4.0] * 5, [-4.0] * 5], 30, axis=0)
    told = compare(made(apart, labels))
    assert {one.name for one in told} == {"nearest neighbours", "logistic regression", "linear SVM"}
    assert all(one.accuracy == one.balanced_accuracy == 1.0 for one in told)
    by_chance = compare(made(rng.normal(size=(60, 5)), labels))
    assert all(one.accuracy < 0.8 for one in by_chance)


def test_what_cannot_be_is_told_in_one_line(data, tmp_path):
    with pytest.raises(ConfigError, match=r"must end with \.npz or \.parquet"):
        made(np.zeros((1, 1)), ["a"]).write(tmp_path / "features.csv")
    with pytest.raises(ConfigError, match="At least two classes"):
        compare(made(np.zeros((3, 1)), ["a", "a", "b"]))
    with pytest.raises(UnknownPart, match="Did you mean 'scattering'"):
        embed(data, "scatering")


def test_a_parquet_file_has_a_column_for_each_feature(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    made(np.arange(12).reshape(4, 3), ["a", "a", "b", "b"]).write(tmp_path / "features.parquet")
    table = parquet.read_table(tmp_path / "features.parquet")
    assert table.column_names == ["path", "label", "split", "feature_0", "feature_1", "feature_2"]
    assert table.column("feature_2").to_pylist() == [2, 5, 8, 11]
