from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from autotl.candidate import Candidate
from autotl.config import make
from autotl.data import load
from autotl.data.dataset import Dataset
from autotl.errors import TrialError
from autotl.metrics import scores
from autotl.plugins import catalogue
from autotl.transfer.probe import probe, weights_for
from autotl.transfer.store import FeatureStore
from autotl.transfer.workshop import Workshop

from .. import pictures

PLUGIN = Path(__file__).parents[1] / "troublemakers.py"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return load(pictures.write(tmp_path_factory.mktemp("data"), each=20), valid_split=0.3, test_split=0.2)


def workshop_of(dataset: Dataset, store: Path, metric: str = "accuracy") -> Workshop:
    config = make(data="unused", out="unused", metric=metric)
    return Workshop(config, dataset, catalogue([PLUGIN]), FeatureStore(store, 10**9), lambda *told: None)


def linear(**values) -> Candidate:
    chosen = {"head.linear.pooling": "average", "head.linear.dropout": 0.2, **values}
    return Candidate("speck", "linear", "none", 32, 0, 5, chosen)


def test_a_probe_scores_by_cross_validation_and_on_the_validation_part(dataset, tmp_path):
    workshop = workshop_of(dataset, tmp_path)
    found = probe(workshop, "speck", 32)
    valid = dataset.indices("valid")
    assert 0.6 < found.score <= 1
    assert 0.5 < found.knn <= 1
    assert found.probabilities.shape == (len(valid), 2)
    assert found.probabilities.dtype == np.float32
    labels = np.array([dataset.pictures[i].label for i in valid])
    assert found.metrics == scores(labels, found.probabilities)
    assert found.ms > 0
    assert found.seconds > 0
    places, said = found.opinions
    assert sorted(places) == list(dataset.indices("train", "valid"))
    assert said[-len(valid) :] == pytest.approx(found.probabilities)
    assert scores(np.array([dataset.pictures[i].label for i in places[: -len(valid)]]), said[: -len(valid)])[
        "accuracy"
    ] == pytest.approx(found.score)


def test_another_metric_is_the_one_that_is_told(dataset, tmp_path):
    by_accuracy = probe(workshop_of(dataset, tmp_path), "speck", 32)
    by_loss = probe(workshop_of(dataset, tmp_path, "log_loss"), "speck", 32)
    assert by_loss.metrics == by_accuracy.metrics
    assert 0 < by_loss.score < 0.6
    assert 0 < by_loss.knn < 1


def test_validation_and_test_pictures_have_no_say_in_the_score(dataset, tmp_path):
    """Other validation and test pictures, with wrong labels, change nothing but what is said of them."""
    train = {dataset.pictures[i].label: dataset.pictures[i] for i in dataset.indices("train")}
    strange = tuple(
        each
        if each.split == "train"
        else dataclasses.replace(each, path=train[each.label].path, label=1 - each.label, digest=each.digest[::-1])
        for each in dataset.pictures
    )
    honest = probe(workshop_of(dataset, tmp_path / "one"), "speck", 32)
    other = probe(workshop_of(dataclasses.replace(dataset, pictures=strange), tmp_path / "two"), "speck", 32)
    assert (other.score, other.knn) == (honest.score, honest.knn)
    np.testing.assert_allclose(other.layer.kernel, honest.layer.kernel, rtol=1e-3, atol=1e-5)
    assert other.metrics["accuracy"] < honest.metrics["accuracy"]


def test_groups_of_pictures_stay_together(dataset, tmp_path, monkeypatch):
    grouped = tuple(dataclasses.replace(each, group=f"g{i % 4}") for i, each in enumerate(dataset.pictures))
    asked = []
    whole = probe.__globals__["cross_validate"]
    monkeypatch.setitem(
        probe.__globals__, "cross_validate", lambda *a, **k: asked.append(k["groups"]) or whole(*a, **k)
    )
    probe(workshop_of(dataset, tmp_path), "speck", 32)
    probe(workshop_of(dataclasses.replace(dataset, pictures=grouped), tmp_path), "speck", 32)
    train = dataset.indices("train")
    assert asked == [None, [f"g{i % 4}" for i in train]]


def test_its_features_are_those_that_trials_with_average_pooling_read(dataset, tmp_path):
    workshop = workshop_of(dataset, tmp_path)
    probe(workshop, "speck", 32)
    before = {entry.key for entry in workshop.features.store.entries()}
    step = workshop.step(linear(learning_rate=0.01, batch_size=8))
    workshop.features.plain(step.network, step.alone.tap)
    assert {entry.key for entry in workshop.features.store.entries()} == before


def test_a_probe_of_features_that_are_there_measures_the_forward_pass_too(dataset, tmp_path):
    first = probe(workshop_of(dataset, tmp_path), "speck", 32)
    again = probe(workshop_of(dataset, tmp_path), "speck", 32)
    assert again.ms > 0
    assert (again.score, again.knn, again.metrics) == (first.score, first.knn, first.metrics)


def test_the_linear_head_says_what_the_probe_said(dataset, tmp_path):
    workshop = workshop_of(dataset, tmp_path)
    found = probe(workshop, "speck", 32)
    network = workshop.network("speck", 32)
    head = workshop.head(network, linear())
    weights = weights_for(head, found.layer)
    assert weights is not None
    top = workshop.features.plain(network, network.tap(network.cuts[0]))[workshop.features.rows("valid")]
    logits = np.asarray(head.predict_on_batch(np.asarray(top, np.float32)))
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said, found.probabilities, atol=5e-3)


@pytest.mark.parametrize(
    ("head", "values"), [("linear", {"head.linear.pooling": "max"}), ("dense", {"head.dense.units": 8})]
)
def test_a_head_that_is_made_otherwise_takes_no_weights_of_a_probe(dataset, tmp_path, head, values):
    workshop = workshop_of(dataset, tmp_path)
    found = probe(workshop, "speck", 32)
    defaults = {"head.dense.pooling": "average", "head.dense.dropout": 0.1}
    candidate = dataclasses.replace(linear(), head=head, values={**linear().values, **defaults, **values})
    built = workshop.head(workshop.network("speck", 32), candidate)
    assert weights_for(built, found.layer) is None


def test_features_that_are_not_numbers_are_refused(dataset, tmp_path, monkeypatch):
    workshop = workshop_of(dataset, tmp_path)
    count = len(workshop.features.pictures)
    monkeypatch.setattr(workshop.features, "plain", lambda network, tap: np.full((count, 16), np.nan, np.float32))
    with pytest.raises(TrialError, match="not numbers"):
        probe(workshop, "speck", 32)
