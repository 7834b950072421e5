from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotl import suspects
from autotl.config import make
from autotl.data import load
from autotl.data.dataset import Dataset, Picture
from autotl.data.sample import digits
from autotl.errors import RunError
from autotl.folder import RunFolder
from autotl.plugins import catalogue
from autotl.suspects import Doubts, Suspect, doubts
from autotl.transfer.probe import probe
from autotl.transfer.store import FeatureStore
from autotl.transfer.workshop import Workshop

EACH, WRONG = 50, 30  # digits of each class, and how many of all were moved to another class


@pytest.fixture(scope="module")
def mislabelled(tmp_path_factory) -> tuple[Dataset, set[str]]:
    """Handwritten digits, some of them in the folder of another class."""
    folder, chance = tmp_path_factory.mktemp("data") / "digits", random.Random(0)
    digits(folder)
    files = [file for place in sorted(folder.iterdir()) for file in sorted(place.iterdir())]
    for file in [each for each in files if int(each.stem) >= EACH]:
        file.unlink()
    moved = set()
    for file in chance.sample([each for each in files if each.is_file()], WRONG):
        other = chance.choice([place for place in sorted(folder.iterdir()) if place != file.parent])
        shutil.move(file, other / f"{file.parent.name}-{file.name}")
        moved.add(f"{other.name}/{file.parent.name}-{file.name}")
    return load(folder, valid_split=0.2, test_split=0.1), moved


@pytest.fixture(scope="module")
def found(mislabelled, tmp_path_factory) -> Doubts:
    dataset, _ = mislabelled
    config, store = make(data="unused", out="unused"), FeatureStore(tmp_path_factory.mktemp("store"), 10**9)
    looked = probe(Workshop(config, dataset, catalogue(), store, lambda *told: None), "acorn", 32)
    return doubts(dataset, "acorn", *looked.opinions)


def test_most_pictures_in_a_wrong_folder_are_found_and_few_others(mislabelled, found):
    dataset, moved = mislabelled
    seen = {Path(dataset.pictures[place].path) for place in dataset.indices("train", "valid")}
    there = {name for name in moved if Path(dataset.root, name) in seen}
    named = {each.file for each in found.suspects}
    assert len(named & there) >= 0.7 * len(there)
    assert len(named & there) >= 0.7 * len(named)
    right = [each for each in found.suspects if each.file in there and each.file.split("/")[1][0] == each.looks_like]
    assert len(right) >= 0.7 * len(named & there)


def test_the_test_part_is_never_judged(mislabelled, found):
    dataset, _ = mislabelled
    assert {each.split for each in found.found} == {"train", "valid"}
    assert found.pictures == len(dataset.indices("train", "valid"))


def test_a_suspect_is_told_with_both_probabilities_and_the_hardest_come_last(found):
    kinds = [each.kind for each in found.found]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("hard") <= suspects.HARDEST
    assert all(each.sure > each.agrees and each.looks_like != each.label for each in found.found)


def made_up(labels: list[int], classes: int) -> Dataset:
    pictures = (Picture(f"/d/{i}.png", label, "train", f"{i:064x}", 9, 9) for i, label in enumerate(labels))
    return Dataset("/d", tuple(map(str, range(classes))), tuple(pictures))


def test_of_tiny_classes_nothing_is_said():
    labels = [0] * 20 + [1] * 20 + [2] * 4
    guesses = [0] * 19 + [1] * 20 + [0] + [0] * 4
    said = np.eye(3, dtype=np.float32)[guesses] * 0.9 + 0.1 / 3
    found = doubts(made_up(labels, 3), "net", np.arange(44), said)
    assert found.pictures == 40
    assert {each.file for each in found.found} == {"19.png", "39.png"}
    assert doubts(made_up([0, 0, 1, 1], 2), "net", np.arange(4), said[:4, :2]).found == ()


@settings(max_examples=30)
@given(st.data())
def test_whatever_a_probe_says_only_disagreement_is_doubted(drawn):
    classes = drawn.draw(st.integers(2, 5))
    labels = drawn.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=60))
    shares = np.random.default_rng(drawn.draw(st.integers(0, 99))).dirichlet(np.ones(classes), len(labels))
    found = doubts(made_up(labels, classes), "net", np.arange(len(labels)), shares.astype(np.float32))
    files = [each.file for each in found.found]
    assert len(set(files)) == len(files)
    assert all(each.label != each.looks_like and 0 <= each.agrees <= each.sure <= 1 for each in found.found)


def test_what_was_found_is_kept_in_the_run_folder(found, tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(RunError, match="were not looked at"):
        suspects.read(folder)
    suspects.save(folder, found)
    assert suspects.read(folder) == found


@pytest.mark.parametrize("wrong", ["[]", "{", '{"backbone": "a", "pictures": 1, "found": [{"file": 1}]}', "null"])
def test_a_file_of_another_shape_is_refused(tmp_path, wrong):
    RunFolder(tmp_path).suspects.write_text(wrong)
    with pytest.raises(RunError, match="cannot be read"):
        suspects.read(RunFolder(tmp_path))


class OneWorker:
    """A pool whose only worker answers as told, and writes what it found."""

    def __init__(self, answer, write=lambda: None):
        self.answer, self.write, self.jobs = answer, write, []

    def idle(self):
        return [0]

    def give(self, place, job):
        self.jobs.append(job)

    def free(self, place):
        pass

    def listen(self, seconds):
        self.write()
        yield 0, self.answer


def test_what_was_found_is_told_in_a_line_and_looked_for_once(tmp_path):
    folder, told = RunFolder(tmp_path), []
    made = Doubts("net", 40, (Suspect("a/[red]\x1b1.png", "a", "b", 0.9, 0.1, "train", "suspect"),))
    pool = OneWorker({"say": "done"}, lambda: suspects.save(folder, made))
    suspects.look(pool, folder, "net", told.append)
    assert pool.jobs == []  # there is nothing to judge by
    folder.opinions("net").parent.mkdir()
    folder.opinions("net").write_bytes(b"")
    for _ in range(2):
        suspects.look(pool, folder, "net", told.append)
    assert pool.jobs == [{"do": "suspects", "backbone": "net"}]
    (note,) = told
    assert note.text.startswith("1 of 40 pictures may be labelled wrongly: a/[red]\\x1b1.png is labelled 'a' and ")
    assert note.text.endswith(f"autotl suspects {tmp_path}")


def test_a_worker_that_fails_is_told_and_nothing_more(tmp_path):
    folder, told = RunFolder(tmp_path), []
    folder.opinions("net").parent.mkdir()
    folder.opinions("net").write_bytes(b"")
    suspects.look(OneWorker({"say": "failed", "reason": "no idea"}), folder, "net", told.append)
    assert [note.text for note in told] == ["The labels were not looked at: no idea"]


def test_opinions_of_a_backbone_of_any_name_lie_in_their_folder():
    for name in ("a/../../b", "..", "a b", "/etc"):
        assert RunFolder(Path("run")).opinions(name).parent == Path("run/probes")
    assert RunFolder(Path("run")).opinions("net").name == "net.npz"
