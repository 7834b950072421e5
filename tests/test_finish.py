"""The finish on the real road: trials of a tiny backbone, and what is written of the best."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autotl import gallery
from autotl.answers import read as read_answers
from autotl.calibration import calibration_error
from autotl.candidate import Candidate, TrialRecord, to_plain
from autotl.config import METRICS, make
from autotl.data import load
from autotl.errors import TrialError
from autotl.folder import RunFolder, write_whole
from autotl.metrics import scores
from autotl.workers import jobs

from . import pictures

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PLUGIN = str(Path(__file__).with_name("troublemakers.py"))
VALUES = {"learning_rate": 0.05, "unfrozen_rate": 0.5, "batch_size": 8}  # fast, and too sure of itself
CANDIDATE = Candidate("speck", "plain", "none", 32, 4, 6, VALUES)


def mislabelled(place: Path) -> Path:
    """Write pictures of two classes, a few of them in the wrong folder."""
    data, others = pictures.write(place / "data", each=40), pictures.write(place / "others", each=3, seed=1)
    for here, there in ((0, 1), (1, 0)):
        for file in (others / f"class_{here}").iterdir():
            file.rename(data / f"class_{there}" / f"other_{file.name}")
    return data


class Road:
    """A run folder with three trials of one recipe, each from another seed, and a finish of the first."""

    def __init__(self, place: Path):
        data = mislabelled(place)
        self.folder = RunFolder(place / "run")
        asked = {"plugins": (PLUGIN,), "cache": str(place / "cache"), "max_megapixels": 50}
        config = make(data=str(data), out=str(self.folder.path), **asked)
        self.dataset = load(data, valid_split=0.4, test_split=0.3)
        write_whole(self.folder.config, config.to_toml())
        write_whole(self.folder.dataset, self.dataset.to_json())
        self.told: list[tuple[str, int, int]] = []
        self.bench = jobs.open_bench(self.folder.path, lambda *told: self.told.append(told))
        self.records = [self.run(0), self.run(1, repeats=0), self.run(2, repeats=0)]

    def run(self, number: int, repeats: int | None = None) -> TrialRecord:
        candidate = replace(CANDIDATE, seed=number)
        job = {
            "do": "trial",
            "number": number,
            "candidate": to_plain(candidate),
            "accumulate": 1,
            "footprint": None,
            "backbone_ms": 2.0,
        }
        answer = jobs.trial(self.bench, {**job, "resume": None, "until": None}, lambda message: None, lambda: True)
        fields = {name: answer[name] for name in ("score", "best_epoch", "metrics")}
        record = TrialRecord(number, "complete", candidate, **fields, history=answer["history"], repeats=repeats)
        self.folder.save_record(record)
        return record

    def finish(self, score: float | None = None, **more) -> dict:
        first = self.records[0]
        job = {"do": "finish", "number": 0, "score": score or first.score}
        job |= {"candidate": to_plain(first.candidate), "confirmed": [], "kin": []}
        return jobs.finish(self.bench, {**job, **more})["metrics"]

    def labels(self, split: str) -> np.ndarray:
        return np.array([self.dataset.pictures[i].label for i in self.dataset.indices(split)])

    def rows(self, split: str) -> np.ndarray:
        """Return the probabilities that predictions.csv gives to the pictures of a split."""
        with (self.folder.best / "predictions.csv").open() as file:
            found = [row for row in csv.DictReader(file) if row["split"] == split]
        return np.array([[float(row[f"p_{name}"]) for name in self.dataset.classes] for row in found])

    def model_rows(self, split: str) -> np.ndarray:
        """Return what the saved model, loaded by plain Keras, says of the pictures of a split."""
        import keras

        from autotl.data.decode import decode_many

        paths = [self.dataset.pictures[i].path for i in self.dataset.indices(split)]
        pixels = np.stack([pixel for _, pixel in decode_many(paths, (32, 32))]).astype(np.float32)
        return np.asarray(keras.models.load_model(self.folder.model).predict(pixels, verbose=0))


@pytest.fixture(scope="module")
def road(tmp_path_factory) -> Iterator[Road]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
        yield Road(tmp_path_factory.mktemp("road"))


@pytest.fixture(scope="module")
def metrics(road) -> dict:
    return road.finish(confirmed=[0, 1, 2])


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_scores_told_are_those_of_the_saved_model(road, metrics, split):
    labels, rows = road.labels(split), road.model_rows(split)
    np.testing.assert_allclose(road.rows(split), rows, atol=1e-5)
    expected = {**scores(labels, rows), "calibration_error": calibration_error(labels, rows)}
    told = {name: metrics[split][name] for name in expected}
    assert told == pytest.approx(expected, abs=1e-4)
    assert metrics[split]["pictures"] == len(labels)


def test_the_temperature_is_in_the_model_and_changes_no_prediction(road, metrics):
    kept = np.load(road.folder.valid(0))
    temperature = metrics["temperature"]
    assert temperature != 1.0
    powers = kept ** (1 / temperature)
    np.testing.assert_allclose(road.model_rows("valid"), powers / powers.sum(axis=1, keepdims=True), atol=0.02)
    assert (road.model_rows("valid").argmax(axis=1) == kept.argmax(axis=1)).all()
    assert metrics["valid"]["log_loss"] < metrics["valid"]["before"]["log_loss"]


def test_every_score_of_the_test_part_has_an_interval(metrics):
    test = metrics["test"]
    assert tuple(test["intervals"]) == METRICS
    for name, (low, high) in test["intervals"].items():
        assert low <= test[name] <= high
    assert test["interval"] == test["intervals"]["accuracy"]
    assert "intervals" not in metrics["valid"]


def test_the_test_part_is_scored_once(road):
    road.told.clear()
    road.finish()
    ended = [what for what, done, total in road.told if done == total]
    assert ended.count("Scoring the best model (test)") == 1


def test_what_validation_flatters_is_told_from_all_trials(road, metrics):
    found = metrics["optimism"]
    assert (found["trials"], found["pictures"]) == (3, len(road.labels("valid")))
    assert found["best"] == pytest.approx(max(record.score for record in road.records))
    assert found["low"] <= found["corrected"] <= found["high"]
    again = metrics["repetitions"]
    assert again["runs"] == [0, 1, 2]
    assert again["scores"] == [record.score for record in road.records]
    assert again["again"] == pytest.approx(np.mean(again["scores"][1:]))


def test_scores_are_also_given_without_the_pictures_that_leak(road, metrics, monkeypatch):
    assert metrics["without_leaks"] == {}
    train, test = road.dataset.indices("train")[0], road.dataset.indices("test")[:3]
    twins = [replace(p, twins="t" if i in (train, *test) else None) for i, p in enumerate(road.dataset.pictures)]
    monkeypatch.setattr(road.bench.workshop, "dataset", replace(road.dataset, pictures=tuple(twins)))
    told = road.finish()["without_leaks"]
    assert told.keys() == {"test"}
    assert (told["test"]["leaked"], told["test"]["pictures"]) == (3, len(road.labels("test")) - 3)
    rest = scores(road.labels("test")[3:], road.model_rows("test")[3:])
    assert {name: told["test"][name] for name in rest} == pytest.approx(rest, abs=1e-4)


def test_a_worker_decodes_pictures_as_large_as_asked_for_and_no_larger(road):
    assert Image.MAX_IMAGE_PIXELS == 25_000_000  # Pillow refuses what has twice as many


def test_what_is_told_is_plain_data(metrics):
    assert json.loads(json.dumps(metrics)) == metrics


def test_a_model_that_does_not_repeat_its_score_is_not_written(road):
    with pytest.raises(TrialError, match=r"but its trial scored 0\.010"):
        road.finish(score=0.01)


def test_without_a_wish_for_soup_the_winner_stays_alone(road):
    assert "soup" not in road.finish(kin=[0, 1, 2])


def test_a_soup_is_no_worse_than_the_winner_on_validation(road, monkeypatch):
    monkeypatch.setattr(road.bench.workshop, "config", road.bench.workshop.config.model_copy(update={"soup": True}))
    made = road.finish(kin=[2, 0, 7, 1])  # trial 7 has no weights any more
    assert made["soup"][0] == 0
    assert set(made["soup"]) <= {0, 1, 2}
    before = road.records[0]
    assert made["valid"]["accuracy"] >= before.score - 1 / len(road.labels("valid"))
    assert made["trial"] == 0


def test_kin_of_equal_weights_are_all_stirred_in(road, monkeypatch):
    monkeypatch.setattr(road.bench.workshop, "config", road.bench.workshop.config.model_copy(update={"soup": True}))
    for number in (11, 12):
        road.folder.trial(number).mkdir(exist_ok=True)
        road.folder.weights(number).write_bytes(road.folder.weights(0).read_bytes())
    made = road.finish(kin=[0, 11, 12])
    assert made["soup"] == [0, 11, 12]
    assert made["valid"]["accuracy"] == pytest.approx(road.records[0].score)


def test_small_pictures_are_kept_with_what_speaks_for_the_answers(road, metrics):
    shown = gallery.read(road.folder)
    answers = read_answers(road.folder, road.dataset.classes)["test"]
    assert shown.split == "test"
    for _, each in shown.of("mistake"):
        place = answers.files.index(each.file)
        assert (each.looks_like, each.label) == tuple(
            road.dataset.classes[of[place]] for of in (answers.guesses, answers.labels)
        )
        assert each.sure == pytest.approx(answers.probabilities[place].max(), abs=1e-3)
    assert any(each.explained for _, each in shown.of("right"))
    assert metrics["memory"] > 1e8


def test_a_gallery_that_cannot_be_hung_costs_no_result(road, monkeypatch, capsys):
    monkeypatch.setattr(gallery, "hang", lambda *given: 1 / 0)
    assert road.finish()["test"]
    assert "ZeroDivisionError" in capsys.readouterr().err
