from __future__ import annotations

import numpy as np
import pytest

import autotl
from autotl.builtin.scattering import Scattering, blob, filters, first_order, gabor, second_order


def digits(size: int) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = [Image.fromarray((each * 15.9).astype(np.uint8)).resize((size, size)) for each in found.images]
    return np.repeat(np.stack(pictures)[..., None], 3, axis=-1).astype(np.float32), found.target


def test_waves_answer_to_edges_and_not_to_even_light():
    for phase in (0.0, np.pi / 2):
        kernel = gabor(7, 0.3, 1.2, 3.0, phase)
        assert abs(kernel.sum()) < 1e-12
        assert np.isclose(np.abs(kernel).sum(), 2)


def test_a_blob_keeps_even_light():
    assert np.isclose(blob(5, 1.2).sum(), 1)


def test_every_first_filter_has_its_negative():
    kernels = first_order()
    assert kernels.shape[:3] == (7, 7, 3)
    np.testing.assert_array_equal(kernels[..., 0::2], -kernels[..., 1::2])
    distinct = {kernel.tobytes() for kernel in np.moveaxis(kernels, -1, 0)}
    assert len(distinct) == kernels.shape[-1]


def test_the_filters_are_the_same_every_time():
    first, second = filters(), filters()
    assert all(np.array_equal(a, b) for name in first for a, b in zip(first[name], second[name], strict=True))
    assert first["mix"][0].shape[-1] == first_order().shape[-1] * second_order().shape[-1]


def test_the_number_of_parameters_is_told_rightly():
    assert Scattering().build(32, weights="random").count_params() == Scattering.parameters


def test_maps_of_small_pictures_are_small_enough_to_flatten():
    assert Scattering().build(32).output_shape[1:3] == (4, 4)


def test_filters_and_random_weights_differ():
    given, drawn = (Scattering().build(32, weights=word).get_weights()[0] for word in ("filters", "random"))
    assert given.shape == drawn.shape
    assert not np.allclose(given, drawn)


def test_a_file_that_does_not_fit_is_named(tmp_path):
    (tmp_path / "some.weights.h5").write_text("no weights")
    with pytest.raises(autotl.WeightsError, match=r"some\.weights\.h5 does not fit the backbone 'scattering'"):
        Scattering().build(32, weights=str(tmp_path / "some.weights.h5"))


def test_a_linear_probe_reads_digits():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pictures, labels = digits(32)
    features = Scattering().build(32).predict(pictures, batch_size=128, verbose=0).reshape(len(pictures), -1)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    train, valid = shuffled[:1200], shuffled[1200:]
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200)).fit(
        features[train], labels[train]
    )
    assert probe.score(features[valid], labels[valid]) >= 0.96
