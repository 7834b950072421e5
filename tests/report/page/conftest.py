"""A finished run made by hand: answers, a gallery, probes, a log; and what it takes to read a page."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from autotl import gallery
from autotl.calibration import calibration_error
from autotl.config import make
from autotl.data.dataset import Dataset, Finding, Picture
from autotl.events import Probed
from autotl.folder import RunFolder, write_whole
from autotl.metrics import scores
from autotl.origin import Origin, Session
from autotl.result import SearchResult
from autotl.suspects import Doubts, Suspect, save

from ... import pictures
from ..conftest import trial

CLASSES = ("class_0", "class_1")
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Keeps the tags of a page with their attributes, its text, its headings, and faults in its nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[int] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:]} at {self.getpos()}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if not self._open or self._open[-1] not in ("style", "title"):
            self._text.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._text).split())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


class Eyes:
    """Sees brightness in blocks of 8 pixels, and takes what is bright for the second class."""

    image_size = (32, 32)

    @staticmethod
    def features(pixels):
        return pixels.reshape(len(pixels), 4, 8, 4, 8, 3).mean(axis=(2, 4)).astype(np.float32)

    @staticmethod
    def logits(features):
        bright = features.mean(axis=(1, 2, 3)) - 128
        return np.stack([-bright, bright], axis=1)


def listed(data: Path, split_of: Callable[[int], str]) -> Dataset:
    files = sorted(data.glob("*/*.png"))
    rows = [Picture(str(f), int(f.parent.name[-1]), split_of(i), f"{i:064x}", 32, 32) for i, f in enumerate(files)]
    finding = Finding("unreadable", "1 file cannot be read: a<b>.jpg", ("a<b>.jpg",), "Fetch it again.")
    return Dataset(str(data), CLASSES, tuple(rows), (finding,))


def said(dataset: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and made-up probabilities of a split: some of them wrong."""
    labels = np.array([dataset.pictures[i].label for i in dataset.indices(split)])
    rng = np.random.default_rng(len(split))
    right = np.round(np.clip(rng.normal(0.75, 0.25, len(labels)), 0.02, 0.98), 6)
    rows = np.stack([np.where(labels == 0, right, 1 - right), np.where(labels == 1, right, 1 - right)], axis=1)
    return labels, rows


def scorecard(labels: np.ndarray, rows: np.ndarray) -> dict:
    found = {**scores(labels, rows), "calibration_error": calibration_error(labels, rows), "pictures": len(labels)}
    return {**found, "before": {"log_loss": 0.7, "calibration_error": 0.123}}


def finished(path: Path, data: Path) -> RunFolder:
    """Write a run folder as a finished search leaves it."""
    folder = RunFolder(path)
    dataset = listed(data, lambda i: ("train", "valid", "test")[i % 3])
    write_whole(folder.config, make(data=str(data), out=str(path), seconds=300.0).to_toml())
    write_whole(folder.dataset, dataset.to_json())
    probe = dataclasses.replace(trial(0, score=0.8), probe=True, best_epoch=None, history=())
    records = [probe, trial(1, "pruned", 0.7), trial(2, "failed", None, backbone="vgg16"), trial(3, score=0.95)]
    records += [trial(4, score=0.9, backbone="mobilenet"), trial(5, score=0.85), trial(6, score=0.83)]
    log = []
    for record in records:
        folder.save_record(record)
        line = {"event": "TrialEnded", "elapsed": 10.0 * record.number + 5, "record": {"number": record.number}}
        log.append(json.dumps(line))
    for name, count in (("mobilenet_v2", 2_257_984), ("mobilenet", 3_228_864)):
        log.append(json.dumps({"event": "BackboneResolved", "backbone": name, "parameters": count}))
    write_whole(folder.log, "\n".join([*log, '{"torn']))
    folder.save_probes([Probed("mobilenet_v2", 0.8, 0.7, 0.8, 2.0, 8.25, 0), Probed("mobilenet", 0.75, 0.7, 0.8, 2, 6)])
    write_whole(folder.importances, json.dumps({"learning_rate": 0.75, "head": 0.25, "unheard": 0.0}))
    save(folder, Doubts("mobilenet_v2", 16, (suspect(dataset),)))
    command = "autotl search data/stripes --time 5m"
    session = Session("2026-01-02T03:04:05+00:00", command, {"python": "3.12.1", "keras": "3.13"})
    Origin("d" * 64, {}, {}, {"mobilenet": "e" * 32}, (session,)).save(folder)
    write_answers(folder, dataset, ("valid", "test"))
    valid, test = (scorecard(*said(dataset, split)) for split in ("valid", "test"))
    bounds = {name: [0.5, 0.99] for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")}
    metrics = {
        "metric": "accuracy", "trial": 3, "valid": valid,
        "test": {**test, "interval": [0.5, 0.99], "intervals": bounds},
        "optimism": {"best": 0.95, "corrected": 0.921, "low": 0.85, "high": 0.98, "trials": 7, "pictures": 8},
        "repetitions": None, "temperature": 1.4159, "seconds": 123.0, "trials": 7, "memory": 1_200_000_000,
    }  # fmt: skip
    write_whole(folder.metrics, json.dumps(metrics))
    gallery.hang(folder, dataset, "test", said(dataset, "test")[1], Eyes())
    return folder


def suspect(dataset: Dataset) -> Suspect:
    first = next(picture for picture in dataset.pictures if picture.split == "train")
    file = str(Path(first.path).relative_to(dataset.root))
    return Suspect(file, "class_0", "class_1", 0.97, 0.02, "train", "suspect")


def write_answers(folder: RunFolder, dataset: Dataset, splits: tuple[str, ...]) -> None:
    folder.best.mkdir(parents=True, exist_ok=True)
    with folder.predictions.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        names = [f"p_{name}" for name in dataset.classes]
        rows.writerow(["path", "split", "label", "predicted", "confidence", *names])
        for split in splits:
            for label, row in zip(*said(dataset, split), strict=True):
                known = ["a.png", split, dataset.classes[label], dataset.classes[row.argmax()], row.max()]
                rows.writerow([*known, *(f"{share:.6f}" for share in row)])


@pytest.fixture(scope="package")
def whole(tmp_path_factory) -> RunFolder:
    """A finished run; the pictures that it was made from are gone."""
    place = tmp_path_factory.mktemp("page")
    data = pictures.write(place / "stripes")
    folder = finished(place / "run", data)
    data.rename(place / "elsewhere")
    return folder


@pytest.fixture
def run(whole, tmp_path) -> RunFolder:
    """A copy of the finished run, to be changed, with a probe, a failed trial and the winner alone."""
    copy = RunFolder(Path(shutil.copytree(whole.path, tmp_path / "run")))
    for number in (1, 4, 5, 6):
        copy.forget(number)
    return copy


@pytest.fixture
def result(run) -> SearchResult:
    return SearchResult(run.path)
