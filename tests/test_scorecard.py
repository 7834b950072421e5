from __future__ import annotations

import numpy as np

from autotl.calibration import calibrated, calibration_error
from autotl.folder import RunFolder
from autotl.metrics import log_loss, scores
from autotl.scorecard import bounds, honesty, scorecard, without

LABELS = np.arange(60) % 3
RAW = np.random.default_rng(0).dirichlet(np.ones(3), 60)


def test_a_scorecard_tells_what_calibration_changed_and_what_was_before():
    made = calibrated(RAW, 2.5)
    told = scorecard(LABELS, RAW, made)
    assert {name: told[name] for name in scores(LABELS, made)} == scores(LABELS, made)
    assert told["calibration_error"] == calibration_error(LABELS, made)
    assert told["before"] == {
        "log_loss": log_loss(LABELS, RAW),
        "calibration_error": calibration_error(LABELS, RAW),
    }
    assert told["accuracy"] == scores(LABELS, RAW)["accuracy"]
    assert told["pictures"] == 60


def test_the_bounds_of_the_metric_are_told_apart():
    told = bounds(LABELS, RAW, "macro_f1")
    assert told["interval"] == told["intervals"]["macro_f1"] != told["intervals"]["accuracy"]


def test_scores_without_some_pictures_are_those_of_the_rest():
    told = without(LABELS, RAW, (0, 7, 59))
    rest = np.delete(np.arange(60), [0, 7, 59])
    assert told == {"leaked": 3, "pictures": 57, **scores(LABELS[rest], RAW[rest])}
    assert without(LABELS, RAW, range(60)) == {"leaked": 60, "pictures": 0}


def test_a_run_without_kept_probabilities_knows_nothing_of_its_honesty(tmp_path):
    told = honesty(RunFolder(tmp_path), [], [], LABELS, 3, "accuracy")
    assert told == {"optimism": None, "repetitions": None}
