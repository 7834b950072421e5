from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autotl.candidate import Candidate
from autotl.config import make
from autotl.data import load
from autotl.errors import TrialError
from autotl.finish import rebuild
from autotl.plugins import catalogue
from autotl.trained import get_values, load_weights, save_weights, set_values
from autotl.transfer.features import run
from autotl.transfer.network import whole
from autotl.transfer.rows import Views, views_of
from autotl.transfer.store import FeatureStore
from autotl.transfer.workshop import Workshop
from autotl.trial import Trial, class_weights, rate

from .. import pictures

PLUGIN = Path(__file__).parents[1] / "troublemakers.py"
VALUES = {"learning_rate": 0.01, "unfrozen_rate": 0.5, "batch_size": 8}


def candidate(unfrozen: int = 0, augmentation: str = "none", epochs: int = 3, **values) -> Candidate:
    strength = {} if augmentation == "none" else {f"augmentation.{augmentation}.strength": "light"}
    return Candidate("speck", "plain", augmentation, 32, unfrozen, epochs, {**VALUES, **strength, **values})


def train(workshop, candidate, report, *, accumulate=1):
    return Trial(workshop, candidate, accumulate=accumulate).train(report)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return pictures.write(tmp_path_factory.mktemp("data"))


@pytest.fixture
def workshop(data, tmp_path) -> Workshop:
    return workshop_in(data, tmp_path / "store")


def workshop_in(data: Path, store: Path, quota: int = 10**9, **settings) -> Workshop:
    config = make(data=str(data), out="unused", views=3, **settings)
    dataset = load(data, valid_split=0.25, test_split=0.2)
    return Workshop(config, dataset, catalogue([PLUGIN]), FeatureStore(store, quota), lambda *told: None)


def at(network, unfrozen):
    return network.tap(network.cut(unfrozen))


def directly(network, tap, pixels):
    return run(network.runner(network.pixels, [tap]), pixels.astype("float32"), len(pixels))[0]


def test_features_are_those_of_the_prefix_and_shared_on_disk(workshop, data, tmp_path):
    network = workshop.network("speck", 32)
    plain = workshop.features.plain(network, at(network, 4))
    pixels = workshop.features.pixels(32)
    assert pixels.dtype == np.uint8
    assert len(pixels) == len(workshop.dataset.indices("train", "valid"))
    np.testing.assert_allclose(plain, directly(network, at(network, 4), pixels), rtol=2e-3, atol=2e-3)
    before = {entry.key for entry in workshop.features.store.entries()}
    other = workshop_in(data, tmp_path / "store")
    other.features.plain(other.network("speck", 32), at(other.network("speck", 32), 4))
    assert {entry.key for entry in other.features.store.entries()} == before


def test_one_pass_keeps_every_cut_that_trials_may_ask_for(workshop, monkeypatch):
    network = workshop.network("speck", 32)
    top = workshop.features.plain(network, at(network, 0))
    monkeypatch.setattr(network, "runner", lambda *asked: pytest.fail("computed twice"))
    for cut in network.offered:
        assert len(workshop.features.plain(network, network.tap(cut))) == len(top)


def test_a_deeper_cut_starts_from_a_shallower_one_that_is_there(workshop, monkeypatch):
    network = workshop.network("speck", 32)
    expected = directly(network, at(network, 1), workshop.features.pixels(32))
    monkeypatch.setattr("autotl.transfer.planner.Plan.extras", lambda *cuts: [])
    workshop.features.plain(network, at(network, 4))
    asked = []
    runner = network.runner
    monkeypatch.setattr(network, "runner", lambda low, *rest: asked.append(low.unfrozen_layers) or runner(low, *rest))
    again = workshop.features.plain(network, at(network, 1))
    assert set(asked) == {4}
    np.testing.assert_allclose(again, expected, rtol=5e-3, atol=5e-3)


def test_views_differ_from_each_other_and_are_drawn_alike_again(workshop, data, tmp_path):
    network = workshop.network("speck", 32)
    policy = workshop.policy(candidate(augmentation="flip_crop"))
    one, two = (np.array(workshop.features.view(network, at(network, 0), policy, view)) for view in (1, 2))
    assert not np.array_equal(one, two)
    other = workshop_in(data, tmp_path / "another store")
    again = other.features.view(other.network("speck", 32), at(other.network("speck", 32), 0), policy, 1)
    np.testing.assert_array_equal(again, one)


def test_the_views_grow_with_the_epochs_up_to_the_setting():
    assert [views_of(epochs, 8) for epochs in (1, 2, 3, 5, 10, 30)] == [1, 1, 2, 2, 4, 8]


def test_views_computed_ahead_are_those_computed_in_turn(workshop, data, tmp_path):
    in_turn = train(workshop, candidate(4, "flip_crop", epochs=6), lambda row: True)
    other = workshop_in(data, tmp_path / "ahead")
    other.has_free_cores = True
    ahead = train(other, candidate(4, "flip_crop", epochs=6), lambda row: True)
    assert [row["loss"] for row in ahead.history] == pytest.approx([row["loss"] for row in in_turn.history], rel=1e-3)


def test_what_goes_wrong_in_a_view_computed_ahead_is_raised_when_its_turn_comes():
    def compute(number):
        if number:
            raise TrialError("no view")
        return np.zeros(1)

    views = Views(compute, 2, ahead=True)
    views(0)
    with pytest.raises(TrialError, match="no view"):
        views(1)


def test_doing_nothing_draws_no_views(workshop):
    assert workshop.policy(candidate()) is None
    train(workshop, candidate(epochs=1), lambda row: True)
    assert all("view" not in entry.about for entry in workshop.features.store.entries())


@pytest.mark.parametrize("augmentation", ["none", "flip_crop"])
@pytest.mark.parametrize("unfrozen", [0, 4, 10])
def test_training_learns_and_keeps_the_best_epoch(workshop, unfrozen, augmentation):
    rows = []
    trained = train(workshop, candidate(unfrozen, augmentation, epochs=6), lambda row: rows.append(row) or True)
    assert rows == trained.history
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert trained.score == max(row["score"] for row in rows)
    assert trained.score == rows[trained.best_epoch - 1]["score"]
    assert not trained.stopped


def test_what_was_computed_before_is_not_computed_in_each_epoch(workshop):
    for unfrozen in (0, 4):
        training = Trial(workshop, candidate(unfrozen, epochs=3))
        training.train(lambda row: True)
        work = training.phases[-1].fit.tap.work if unfrozen else 0.0
        assert training.spared() == pytest.approx(1 + 2 * (1 - work))
    assert 0 < work <= 1


def test_training_stops_when_it_is_told_to(workshop):
    trained = train(workshop, candidate(epochs=5), lambda row: row["epoch"] < 2)
    assert len(trained.history) == 2
    assert trained.stopped


def test_the_same_candidate_gives_the_same_result_whatever_ran_before(workshop, data, tmp_path):
    first = train(workshop, candidate(4, "flip_crop"), lambda row: True)
    train(workshop, candidate(10), lambda row: True)
    train(workshop, candidate(4, "flip_crop", learning_rate=0.1), lambda row: True)
    again = train(workshop, candidate(4, "flip_crop"), lambda row: True)
    fresh = workshop_in(data, tmp_path / "fresh")
    elsewhere = train(fresh, candidate(4, "flip_crop"), lambda row: True)
    for other in (again, elsewhere):
        for one, two in zip(first.weights, other.weights, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_trials_that_differ_only_in_numbers_share_a_compiled_step(workshop):
    one = workshop.step(candidate(4))
    assert workshop.step(candidate(4, learning_rate=0.1, epochs=9)) is one
    assert workshop.step(candidate(1)) is not one


def test_a_reused_step_still_trains_its_layers_when_it_is_traced_anew(workshop, data, tmp_path):
    train(workshop, candidate(4, batch_size=8), lambda row: True)
    train(workshop, candidate(0), lambda row: True)  # freezes the layers that both share
    again = train(workshop, candidate(4, batch_size=4), lambda row: True)  # another shape: another trace
    fresh = train(workshop_in(data, tmp_path / "fresh"), candidate(4, batch_size=4), lambda row: True)
    for one, two in zip(again.weights, fresh.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_unfrozen_layers_learn_at_their_own_rate(workshop):
    def moved(unfrozen_rate: float) -> float:
        chosen = candidate(4, epochs=2, unfrozen_rate=unfrozen_rate)
        trained = train(workshop, chosen, lambda row: True)
        network = workshop.network("speck", 32)
        first = [
            weight
            for variable, weight in zip(network.model.weights, network.first_weights, strict=True)
            if id(variable) in {id(v) for v in network.thaw(network.cut(4))}
        ]
        return sum(float(np.abs(now - then).sum()) for now, then in zip(trained.weights, first, strict=False))

    assert moved(0.0) == 0.0
    assert moved(0.01) < moved(0.5)


def test_half_the_batch_twice_accumulated_is_nearly_the_whole_batch(workshop):
    slowly = {"epochs": 2, "learning_rate": 1e-3}  # so that the loss is still on its way down
    whole = train(workshop, candidate(4, batch_size=8, **slowly), lambda row: True)
    halves = train(workshop, candidate(4, batch_size=4, **slowly), lambda row: True, accumulate=2)
    assert abs(whole.history[-1]["loss"] - halves.history[-1]["loss"]) < 0.2


def test_pixels_and_cached_features_train_to_the_same_score(workshop, monkeypatch):
    cached = train(workshop, candidate(4, epochs=3), lambda row: True)
    workshop._steps.clear()
    monkeypatch.setattr("autotl.transfer.planner.Plan.cached", lambda plan, cuts, unfrozen: cuts[-1])
    pixels = train(workshop, candidate(4, epochs=3), lambda row: True)
    for one, two in zip(cached.history, pixels.history, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], abs=0.02)


def test_batches_gathered_on_a_device_are_those_read_from_the_store(workshop):
    rows = Trial(workshop, candidate(4, "flip_crop", epochs=5)).phases[-1].rows
    held = replace(rows, device={})
    for epoch in (1, 2, 3):
        chosen = next(rows.batches(epoch, 8, 1))
        np.testing.assert_array_equal(np.asarray(held.batch(chosen, epoch)), rows.batch(chosen, epoch))
    assert len(held.device) == rows.views > 1


@pytest.mark.parametrize("unfrozen", [4, 100])  # of 100, none is left below: each batch is drawn anew
def test_a_trial_that_was_stopped_goes_on_as_if_it_had_not_been(workshop, data, tmp_path, unfrozen):
    chosen, state = candidate(unfrozen, "flip_crop", epochs=5, ema=0.5), tmp_path / "state.npz"
    whole = train(workshop, chosen, lambda row: True)
    first = Trial(workshop, chosen)
    assert (first.phases[-1].rows.live is not None) == (unfrozen == 100)
    first.train(lambda row: row["epoch"] < 3, keep=state)
    second = Trial(workshop_in(data, tmp_path / "elsewhere"), chosen)
    assert second.resume(state)
    resumed = second.train(lambda row: True)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3, 4, 5]
    for one, two in zip(whole.history, resumed.history, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-3)
    for one, two in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


def test_of_a_state_that_a_power_cut_tore_the_one_before_is_taken(workshop, tmp_path):
    chosen, state = candidate(4, epochs=5), tmp_path / "state.npz"
    Trial(workshop, chosen).train(lambda row: row["epoch"] < 3, keep=state)
    state.write_bytes(state.read_bytes()[:-1000])
    second = Trial(workshop, chosen)
    assert second.resume(state)
    assert [row["epoch"] for row in second.trained.history] == [1, 2]
    for file in tmp_path.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    assert not Trial(workshop, chosen).resume(state)


def test_the_state_of_another_candidate_is_not_taken(workshop, tmp_path):
    Trial(workshop, candidate(4, epochs=5)).train(lambda row: False, keep=tmp_path / "state.npz")
    assert not Trial(workshop, candidate(4, epochs=4)).resume(tmp_path / "state.npz")


def test_a_trial_that_was_killed_as_its_patience_ended_trains_no_further(workshop, tmp_path):
    chosen, state = candidate(4, epochs=9, patience=1, learning_rate=1e-9), tmp_path / "state.npz"
    ended = Trial(workshop, chosen).train(lambda row: True, keep=state)
    assert 1 < len(ended.history) < 9
    again = Trial(workshop, chosen)
    again.resume(state)
    assert again.train(lambda row: True).history == ended.history


def test_the_best_epoch_leaves_its_probabilities(workshop):
    trained = train(workshop, candidate(4), lambda row: True)
    labels = workshop.features.labels[workshop.features.rows("valid")]
    assert (trained.probabilities.argmax(axis=1) == labels).mean() == pytest.approx(trained.metrics["accuracy"])


def test_a_trial_that_is_out_of_time_keeps_what_it_has(workshop):
    moments = []

    def report(row):
        moments.append(row["epoch"])
        time.sleep(0.2)
        return True

    trained = Trial(workshop, candidate(epochs=500, patience=500)).train(report, until=time.monotonic() + 1.5)
    assert trained.stopped
    assert moments == [row["epoch"] for row in trained.history]
    with pytest.raises(TrialError, match="time was up"):
        Trial(workshop, candidate()).train(lambda row: True, until=time.monotonic())


def test_features_are_not_computed_past_the_time(workshop):
    network = workshop.network("speck", 32)
    workshop.features.pixels(32)
    workshop.features.until = time.monotonic()
    workshop.features.plain(network, at(network, 0))  # one batch is all there is: it is kept
    many = workshop.dataset.pictures * 3
    workshop.features.dataset = replace(workshop.dataset, pictures=many)
    del workshop.features.pictures
    workshop.features._pixels.clear()
    with pytest.raises(TrialError, match="time was up"):
        workshop.features.plain(network, at(network, 0))
    assert not any((workshop.features.store.root / "features").glob(".*"))


def test_one_trial_that_was_late_leaves_no_deadline_to_the_next_job(workshop):
    with pytest.raises(TrialError), workshop.features.within(time.monotonic()):
        raise TrialError("late")
    assert workshop.features.until == float("inf")


def test_a_new_step_begins_where_the_first_one_did(workshop):
    first = train(workshop, candidate(4), lambda row: True)
    workshop._steps.clear()  # as when many others ran in between: the head is kept, the rest is built anew
    again = train(workshop, candidate(4), lambda row: True)
    assert again.history[-1]["loss"] == pytest.approx(first.history[-1]["loss"], rel=1e-4)


def test_a_trial_that_no_longer_improves_stops_early(workshop):
    trained = train(workshop, candidate(epochs=60, learning_rate=0.0, patience=5), lambda row: True)
    assert trained.stopped
    assert len(trained.history) == 6


def test_averaged_weights_are_scored_and_kept_and_training_goes_on_from_its_own(workshop):
    plain = train(workshop, candidate(4, epochs=4), lambda row: True)
    averaged = train(workshop, candidate(4, epochs=4, ema=0.9), lambda row: True)
    assert [row["loss"] for row in averaged.history] == pytest.approx([row["loss"] for row in plain.history], rel=1e-4)
    assert averaged.history[-1]["valid_loss"] != pytest.approx(plain.history[-1]["valid_loss"], rel=1e-4)


def test_smoothed_labels_keep_the_loss_from_reaching_nothing(workshop):
    sharp = train(workshop, candidate(10, epochs=6), lambda row: True)
    smooth = train(workshop, candidate(10, epochs=6, label_smoothing=0.3), lambda row: True)
    assert smooth.history[-1]["loss"] > sharp.history[-1]["loss"]


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("accuracy", {}, None),
        ("macro_f1", {}, [1 / 1.5, 2.0]),
        ("macro_f1", {"class_weights": "off"}, None),
        ("accuracy", {"class_weights": "on"}, [1 / 1.5, 2.0]),
    ],
)
def test_rare_classes_count_more_where_each_class_counts_alike(metric, values, expected):
    weights = class_weights(np.array([0, 0, 0, 1]), 2, metric, candidate(**values))
    assert weights is None if expected is None else weights == pytest.approx(expected)


def test_weights_come_back_as_they_were_saved(workshop, tmp_path):
    trained = train(workshop, candidate(4), lambda row: True)
    save_weights(tmp_path / "w" / "weights.npz", trained.weights)
    step = workshop.step(candidate(4))
    set_values(step.variables, load_weights(tmp_path / "w" / "weights.npz"))
    for one, two in zip(get_values(step.variables), trained.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert [file.name for file in (tmp_path / "w").iterdir()] == ["weights.npz"]


def test_the_rate_rises_then_falls():
    values = [rate(step / 100) for step in range(101)]
    assert values[0] < values[5] < values[10]
    assert values[10] == pytest.approx(1)
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[-1] == pytest.approx(0.01)


def test_in_mixed_precision_backbones_compute_in_bfloat16_and_the_finished_model_in_float32(data, tmp_path):
    full = workshop_in(data, tmp_path / "store")
    mixed = workshop_in(data, tmp_path / "store", precision="mixed")
    layers = mixed.network("speck", 32).model.layers
    assert {layer.compute_dtype for layer in layers} == {"bfloat16"}
    assert {weight.dtype for layer in layers for weight in layer.weights} == {"float32"}
    one, other = (train(each, candidate(4, epochs=5), lambda row: True) for each in (full, mixed))
    assert other.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], abs=0.05)
    assert other.history[-1]["loss"] != one.history[-1]["loss"]
    network, head = rebuild(mixed, candidate(4), other.weights)
    model = whole(network, head)
    assert {layer.compute_dtype for layer in network.model.layers} == {"float32"}
    pixels = mixed.features.pixels(32)[mixed.features.rows("valid")].astype("float32")
    np.testing.assert_allclose(np.asarray(model.predict_on_batch(pixels)), other.probabilities, atol=0.02)
