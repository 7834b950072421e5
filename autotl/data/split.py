"""Draws the validation and test parts where none are given: class by class, or by whole groups."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autotl.data.dataset import Split
from autotl.errors import DataError

TEST_SPLIT = 0.15  # of data that come without any split


@dataclass(frozen=True, slots=True)
class Row:
    """What a split must know of a picture: pictures of one `unit` stay together.

    A unit is a group where groups are given, and all that show the same, so that copies never face each other.
    """

    label: int
    unit: str
    given: Split | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """The split of each row, and which parts were drawn."""

    splits: tuple[Split, ...]
    made_valid: bool
    made_test: bool


def assign(rows: Sequence[Row], *, grouped: bool, valid_split: float, test_split: float | None, seed: int) -> Shares:
    """Give every row a split: given ones stay, missing parts are drawn from what is not valid or test.

    A test part is drawn when `test_split` asks for one (a fraction, 0 for none), and by default where no split is
    given at all; then a validation part, `valid_split` of the rest. The same rows and seed give the same split.
    Raises DataError when there are too few groups.
    """
    given = {row.given for row in rows}
    draw_valid = "valid" not in given
    fraction = test_split if test_split is not None else (0.0 if given & {"valid", "test"} else TEST_SPLIT)
    free = [i for i, row in enumerate(rows) if row.given in (None, "train")]
    test: set[int] = set()
    if fraction and "test" not in given:
        optional = test_split is None
        test = _draw(rows, free, fraction, grouped, seed, keep=1 + draw_valid, optional=optional)
    rest = [i for i in free if i not in test]
    valid = _draw(rows, rest, valid_split, grouped, seed, keep=1) if draw_valid else set()
    splits = tuple(
        "test" if i in test else "valid" if i in valid else row.given or "train" for i, row in enumerate(rows)
    )
    return Shares(splits, bool(valid), bool(test))


def _draw(
    rows: Sequence[Row],
    free: Sequence[int],
    fraction: float,
    grouped: bool,
    seed: int,
    *,
    keep: int,
    optional: bool = False,
) -> set[int]:
    units = _draw_groups if grouped else _draw_copies
    chosen = units([rows[i] for i in free], fraction, seed, keep, optional)
    return {i for i in free if rows[i].unit in chosen}


def _draw_copies(rows: Sequence[Row], fraction: float, seed: int, keep: int, optional: bool) -> set[str]:
    """Choose units class by class: at least one of each class, as long as `keep` of them remain."""
    from sklearn.model_selection import train_test_split

    label_of = _labels_of_units(rows)
    chosen: set[str] = set()
    for label in sorted(set(label_of.values())):
        members = sorted(unit for unit, its in label_of.items() if its == label)
        count = min(max(1, round(fraction * len(members))), len(members) - keep)
        if count > 0:
            chosen.update(train_test_split(members, test_size=count, random_state=seed)[1])
    return chosen


def _labels_of_units(rows: Sequence[Row]) -> dict[str, int]:
    """Return a label for each unit: of one under several, that of the class with fewest, for it can spare the least."""
    units: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        units[row.label].add(row.unit)
    return {
        unit: label for label in sorted(units, key=lambda each: (-len(units[each]), -each)) for unit in units[label]
    }


def _draw_groups(rows: Sequence[Row], fraction: float, seed: int, keep: int, optional: bool) -> set[str]:
    """Choose whole groups with about the right share of every class."""
    from sklearn.model_selection import StratifiedGroupKFold

    groups = sorted({row.unit for row in rows})
    if len(groups) <= keep:
        if optional:
            return set()
        raise DataError(f"There are {len(groups)} groups, and a split needs {keep + 1}. Give more, or none.")
    labels, units = np.array([row.label for row in rows]), np.array([row.unit for row in rows])
    share = min(fraction, 1 - fraction)
    folds = max(2, min(round(1 / share), len(groups), int(np.bincount(labels).max())))
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes smaller than the number of folds; no matter here
        pairs = [(set(units[one]), set(units[other])) for other, one in splitter.split(labels, labels, units)]
    if fraction > 0.5:
        pairs = [(other, one) for one, other in pairs]
    return min((one for one, _ in pairs), key=lambda one: _unfairness(rows, one, fraction))


def _unfairness(rows: Sequence[Row], chosen: set[str], fraction: float) -> tuple[int, int, float]:
    """Rank a choice of groups: classes missing on either side first, then how far it is from the fraction."""
    classes = {row.label for row in rows}
    taken = [row.label for row in rows if row.unit in chosen]
    left = [row.label for row in rows if row.unit not in chosen]
    missing_left, missing_taken = len(classes - set(left)), len(classes - set(taken))
    return missing_left, missing_taken, abs(len(taken) - fraction * len(rows))
