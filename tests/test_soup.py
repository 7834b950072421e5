from __future__ import annotations

import numpy as np

from autotl.soup import greedy


def stirred(points, metric="accuracy", target=1.0):
    """Stir trials that have one weight each; the nearer to the target, the better, in steps."""

    def judge(weights):
        off = abs(float(weights[0][0]) - target)
        return {"accuracy": 1.0 - round(off, 1), "log_loss": off}

    return greedy(list(points), lambda number: [np.array([points[number]], np.float32)], judge, metric)


def test_trials_on_either_side_are_averaged():
    soup = stirred({7: 0.6, 3: 1.4})
    assert soup.members == (7, 3)
    np.testing.assert_allclose(soup.weights[0], 1.0)
    assert soup.scores["accuracy"] == 1.0


def test_a_trial_that_lowers_the_score_is_left_out_and_the_next_is_tried():
    soup = stirred({7: 0.8, 3: -5.0, 4: 1.2})
    assert soup.members == (7, 4)
    np.testing.assert_allclose(soup.weights[0], 1.0)


def test_every_member_counts_alike():
    soup = stirred({0: 0.7, 1: 1.0, 2: 1.3})
    assert soup.members == (0, 1, 2)
    np.testing.assert_allclose(soup.weights[0], 1.0, rtol=1e-6)
    assert soup.weights[0].dtype == np.float32


def test_where_the_score_stays_the_loss_decides():
    assert stirred({0: 1.01, 1: 1.03}).members == (0,)
    assert stirred({0: 1.03, 1: 1.01}).members == (0, 1)


def test_a_lower_log_loss_is_better():
    assert stirred({0: 1.3, 1: 0.9}, metric="log_loss").members == (0, 1)
    assert stirred({0: 1.1, 1: 1.9}, metric="log_loss").members == (0,)


def test_one_trial_alone_is_its_own_soup():
    soup = stirred({5: 0.4})
    assert soup.members == (5,)
    assert soup.weights[0].item() == np.float32(0.4)
