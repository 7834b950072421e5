from __future__ import annotations

import numpy as np
import pytest

import autotl
from autotl.candidate import Candidate
from autotl.errors import PluginError
from autotl.plugins import catalogue
from autotl.transfer.features import run
from autotl.transfer.head import build_head, split
from autotl.transfer.network import Network, assemble, whole

from .test_cuts import APPLICATIONS, application

# networks with other kinds of blocks take long to trace; that they can be cut at all is tested for each
ENOUGH = [
    pytest.param(name, size, marks=[] if name in ("MobileNetV2", "VGG16") else pytest.mark.slow)
    for name, size in APPLICATIONS
]


class Given(autotl.Backbone):
    """A backbone around a model made by the test."""

    name = "given"

    def __init__(self, model):
        self.model = model

    def build(self, image_size, *, weights):
        return self.model


class Linear(autotl.Head):
    """Average pooling and one layer."""

    name = "linear"

    def build(self, classes):
        import keras

        return keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes)])


CANDIDATE = Candidate("given", "linear", "none", 64, 0, 1)


def compiled(model):
    import keras

    model.compile(optimizer=keras.optimizers.SGD(0.01), jit_compile=False)
    return model


@pytest.mark.parametrize(("name", "size"), ENOUGH)
def test_training_on_cached_features_equals_training_the_whole_network(name, size, rng):
    """The same frozen layers, batches and no augmentation: the same weights, whichever way they were trained."""
    import keras

    network = Network.build(Given(application(name, size)), size, "random")
    classes, count = 3, 4
    unfrozen = network.cut(network.anatomy().offered[2])
    pixels = rng.uniform(0, 255, (count, size, size, 3)).astype("float32")
    targets = np.eye(classes, dtype=np.float32)[np.arange(count) % classes]
    head = build_head(Linear(), CANDIDATE, tuple(network.model.output_shape[1:]), classes)
    first = head.get_weights()

    (features,) = run(network.runner(network.pixels, [network.tap(unfrozen)]), pixels)
    cached = assemble(network, head, unfrozen, unfrozen)
    compiled(cached.model)
    for _ in range(2):
        cached.model.train_on_batch(features, targets)
    from_cache = [*network.model.get_weights(), *head.get_weights()]

    network.reset()
    head.set_weights(first)
    plain = assemble(network, head, network.cuts[-1], unfrozen)  # nothing cached: pixels in
    compiled(plain.model)
    for _ in range(2):
        plain.model.train_on_batch(pixels, targets)
    from_pixels = [*network.model.get_weights(), *head.get_weights()]

    moved = 0.0
    for one, other, before in zip(from_cache, from_pixels, [*network.first_weights, *first], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
        moved += float(np.abs(one - before).sum())
    assert moved > 0
    assert keras.backend.backend()  # the same on each


def test_only_unfrozen_layers_and_the_head_change_and_batch_statistics_never_do(rng):
    import keras

    network = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    unfrozen = network.cut(20)
    head = build_head(Linear(), CANDIDATE, tuple(network.model.output_shape[1:]), 3)
    trainee = assemble(network, head, network.cuts[-1], unfrozen)
    compiled(trainee.model).optimizer.learning_rate = 0.1
    pixels = rng.uniform(0, 255, (4, 64, 64, 3)).astype("float32")
    trainee.model.train_on_batch(pixels, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]])
    above = {id(weight) for layer in network.piece(unfrozen, network.cuts[0]).layers for weight in layer.weights}
    changed = []
    for weight, before in zip(network.model.weights, network.first_weights, strict=True):
        same = np.array_equal(keras.ops.convert_to_numpy(weight), before)
        if not same:
            changed.append(weight)
    assert changed
    assert all(id(weight) in above for weight in changed)
    assert not any("moving" in weight.path for weight in changed)


def test_reset_brings_the_first_weights_back(rng):
    network = Network.build(Given(application("VGG16", 32)), 32, "random")
    assert network.first_weights
    network.thaw(network.pixels)
    network.model.set_weights([weight + 1 for weight in network.model.get_weights()])
    network.reset()
    for now, before in zip(network.model.get_weights(), network.first_weights, strict=True):
        np.testing.assert_array_equal(now, before)


def test_the_digest_names_the_weights_and_not_the_object():
    one = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    same = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    changed = application("MobileNetV2", 64)
    changed.set_weights([weight * 1.5 for weight in changed.get_weights()])
    other = Network.build(Given(changed), 64, "random")
    assert one.digest == same.digest
    assert one.digest != other.digest


def test_the_whole_model_reloads_with_plain_keras_and_gives_probabilities(tmp_path, rng):
    import keras

    network = Network.build(Given(application("EfficientNetV2B0", 64)), 64, "random")
    head = build_head(Linear(), CANDIDATE, tuple(network.model.output_shape[1:]), 3)
    model = whole(network, head)
    model.save(tmp_path / "model.keras")
    pixels = rng.integers(0, 256, (2, 64, 64, 3)).astype("float32")
    again = keras.models.load_model(tmp_path / "model.keras")(pixels, training=False)
    once = model(pixels, training=False)
    np.testing.assert_allclose(np.asarray(again), np.asarray(once), atol=1e-6)
    np.testing.assert_allclose(np.asarray(once).sum(axis=1), 1, atol=1e-5)


def test_a_head_of_the_wrong_shape_is_refused():
    class Wrong(Linear):
        def build(self, classes):
            return super().build(classes + 1)

    with pytest.raises(PluginError, match="one logit for each class"):
        build_head(Wrong(), CANDIDATE, (2, 2, 8), 3)


def test_a_pooling_at_the_foot_of_a_head_is_its_stem_and_what_it_gives_is_kept(rng):
    network = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    shape = tuple(network.model.output_shape[1:])
    head = split(build_head(Linear(), CANDIDATE, shape, 3))
    tap = network.stem_tap(head)
    assert tap.shape == (shape[-1],)
    pixels = rng.uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    (pooled,) = run(network.runner(network.pixels, [tap]), pixels)
    logits = head.rest(pooled, training=False)
    whole_way = head.model(network.model(pixels, training=False), training=False)
    np.testing.assert_allclose(np.asarray(logits), np.asarray(whole_way), atol=1e-5)
    again = split(build_head(Linear(), CANDIDATE, shape, 3))
    assert network.stem_tap(again) is tap  # two heads that pool alike read the same


class Flat(Linear):
    """Learns from each place."""

    def build(self, classes):
        import keras

        return keras.Sequential([keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(classes)])


class Noisy(Linear):
    """Random before it pools."""

    def build(self, classes):
        import keras

        layers = [keras.layers.Dropout(0.5), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes)]
        return keras.Sequential(layers)


@pytest.mark.parametrize("part", [Flat(), Noisy()])
def test_a_head_that_pools_nothing_or_is_random_before_it_pools_has_no_stem(part):
    head = split(build_head(part, CANDIDATE, (2, 2, 8), 3))
    assert head.stem is None


@pytest.mark.parametrize(("name", "size"), ENOUGH)
def test_a_piece_gives_what_its_layers_give_in_inference_mode(name, size, rng):
    """Convolutions with their BatchNorm folded in included, for weights that are not those of a fresh network."""
    model = application(name, size)
    model.set_weights([weight + rng.uniform(0, 0.1, weight.shape) for weight in model.get_weights()])
    network = Network.build(Given(model), size, "random")
    pixels = rng.uniform(0, 255, (2, size, size, 3)).astype("float32")
    expected = np.asarray(network.model(pixels, training=False))
    taps = [network.tap(cut) for cut in network.offered]
    made = run(network.runner(network.pixels, taps), pixels)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(made[0] / scale, expected / scale, atol=1e-4)
    for tap, features in zip(taps[1:], made[1:], strict=True):
        (top,) = run(network.runner(network.cut(tap.unfrozen_layers), taps[:1]), features)
        np.testing.assert_allclose(top / scale, expected / scale, atol=1e-4)


@pytest.mark.parametrize("name", ["acorn", "mobilenet_0.25", "resnet50", "densenet121", "mobilenet_v3_small"])
def test_features_are_what_the_whole_network_makes_of_the_same_pictures(name, rng):
    """One for each way in which weights expect their pixels: as they are, -1 to 1, BGR, standardised, inside."""
    network = Network.build(catalogue().backbone(name), 32, "random")
    pixels = rng.uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = np.asarray(network.model(pixels, training=False))
    (made,) = run(network.runner(network.pixels, [network.tap(network.cuts[0])]), pixels)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(made / scale, expected / scale, atol=1e-4)


def test_the_accuracy_of_a_step_is_the_share_of_right_answers_whatever_the_smoothing(rng):
    network = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    head = split(build_head(Linear(), CANDIDATE, tuple(network.model.output_shape[1:]), 3))
    model = assemble(network, head.model, network.cuts[0], network.cuts[0]).model
    labels, logits = rng.integers(0, 3, 64), rng.normal(0, 20, (64, 3)).astype("float32")
    for smoothing in (0.0, 0.3):
        targets = np.eye(3, dtype="float32")[labels] * (1 - smoothing) + smoothing / 3
        told = model.compute_metrics(None, targets, logits)["accuracy"]
        assert float(told) == pytest.approx(np.mean(logits.argmax(axis=1) == labels))
    assert float(model.compute_metrics(None, targets, np.zeros_like(logits))["accuracy"]) == 0.0  # a tie is no answer


def test_the_loss_is_the_cross_entropy_that_keras_has(rng):
    import keras

    network = Network.build(Given(application("MobileNetV2", 64)), 64, "random")
    head = split(build_head(Linear(), CANDIDATE, tuple(network.model.output_shape[1:]), 3))
    model = assemble(network, head.model, network.cuts[0], network.cuts[0]).model
    targets = np.eye(3, dtype="float32")[[0, 2, 1, 1]] * 0.9 + 0.1 / 3
    logits = rng.normal(0, 20, (4, 3)).astype("float32")
    expected = keras.losses.CategoricalCrossentropy(from_logits=True)(targets, logits)
    assert float(model.compute_loss(y=targets, y_pred=logits)) == pytest.approx(float(expected), rel=1e-5)
