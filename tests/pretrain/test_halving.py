from __future__ import annotations

import keras
import numpy as np
import pytest

from autotl.errors import RunError
from autotl.pretrain.halving import halve


@pytest.fixture
def saved(tmp_path):
    """A network with all that a file may hold besides kernels: statistics, a seed, a nested network."""
    inner = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(6, 3), keras.layers.BatchNormalization()])
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1), inner, keras.layers.Dropout(0.5)])
    file = tmp_path / "network.keras"
    network.save(file)
    return network, file


def test_plain_keras_opens_a_halved_network_with_weights_rounded_to_float16(saved):
    network, file = saved
    whole = file.stat().st_size
    halve(file)
    assert file.stat().st_size < whole
    again = keras.models.load_model(file)
    for one, other in zip(again.get_weights(), network.get_weights(), strict=True):
        if other.dtype == np.float32:
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, other.astype(np.float16))
        else:
            np.testing.assert_array_equal(one, other)  # a seed stays what it is
    pictures = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(again.predict(pictures), network.predict(pictures), atol=5e-3)


def test_a_weight_that_float16_cannot_hold_is_refused_and_the_file_stays(saved):
    network, file = saved
    network.layers[0].set_weights([np.full((1, 1, 3, 4), 1e5), np.zeros(4)])
    network.save(file)
    before = file.read_bytes()
    with pytest.raises(RunError, match=r"float16 cannot hold .up to 1e.05.; leave --half out"):
        halve(file)
    assert file.read_bytes() == before
