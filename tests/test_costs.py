from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Anatomy, Candidate, TrialRecord
from autotl.costs import Costs, Pictures

CUTS = (0, 10, 40, 100)


def anatomy(name: str) -> Anatomy:
    return Anatomy(name, 96, 100, 10**6, (3, 3, 64), CUTS, CUTS, "imagenet", "0" * 32, work=(0.0, 0.2, 0.6, 1.0))


def costs(**ms: float) -> Costs:
    found = {name: anatomy(name) for name in ("small", "large")}
    return Costs(found, Pictures(1000, 200, 100), views=4, idle=frozenset({"none"}), ms=dict(ms))


def candidate(backbone="small", unfrozen=0, augmentation="none", epochs=10) -> Candidate:
    return Candidate(backbone, "dense", augmentation, 96, unfrozen, epochs, {"batch_size": 32})


def record(number, chosen, setup, epoch, epochs=10, **more) -> TrialRecord:
    rows = tuple({"epoch": count, "seconds": epoch} for count in range(1, epochs + 1))
    return TrialRecord(number, "complete", chosen, 0.5, seconds=setup + epoch * epochs, history=rows, **more)


def test_nothing_is_said_of_a_backbone_that_nobody_measured():
    one = costs(small=5.0)
    one.learn(record(0, candidate(), 3.0, 0.1))
    assert one.trial(candidate("large")) is None
    assert one.finish("large") is None
    assert one.trial(candidate()) is not None


def test_before_any_trial_the_milliseconds_tell():
    one = costs(small=5.0)
    frozen, unfrozen = candidate(), candidate(unfrozen=40)
    assert one.trial(frozen) == pytest.approx(1.0 + 1200 * 0.005 + 10 * 32 * 0.01)
    # its head trains alone in the first epoch; three forward passes' worth on 1000 pictures, one on 200
    epoch = 0.005 * 0.6 * 3200 + 32 * 0.01
    assert one.trial(unfrozen) == pytest.approx(1.0 + 4 * 0.6 + 0.005 * 0.4 * 1200 + 9 * epoch)


@given(st.sampled_from(CUTS[1:-1]), st.floats(0.1, 100))
def test_what_lies_deeper_and_what_trains_longer_costs_more(unfrozen, ms):
    one = costs(small=ms)
    deeper = CUTS[CUTS.index(unfrozen) + 1]
    assert one.trial(candidate(unfrozen=deeper)) > one.trial(candidate(unfrozen=unfrozen))
    assert one.trial(candidate(unfrozen=unfrozen, epochs=20)) > one.trial(candidate(unfrozen=unfrozen))


@given(st.floats(0.05, 50), st.sampled_from(CUTS))
def test_a_trial_teaches_what_its_like_will_take(epoch, unfrozen):
    one = costs(small=5.0)
    one.learn(record(0, candidate(unfrozen=unfrozen), 0.0, epoch))
    told = one.trial(replace(candidate(unfrozen=unfrozen), epochs=20)) - one.trial(candidate(unfrozen=unfrozen))
    assert told == pytest.approx(10 * epoch)


def test_what_one_backbone_teaches_serves_another_until_that_has_its_own():
    one = costs(small=5.0, large=50.0)
    before = one.trial(candidate("large", unfrozen=40))
    setup, epoch = 1.0 + 4 * 0.6 + 0.005 * 0.4 * 1200, 0.005 * 0.6 * 3200 + 32 * 0.01
    one.learn(record(0, candidate(unfrozen=40), 2 * setup, 2 * epoch, epochs=10))  # twice as slow as thought
    assert 1.9 * before < one.trial(candidate("large", unfrozen=40)) < 2.2 * before
    one.learn(record(1, candidate("large", unfrozen=10), 5.0, 3.0))
    assert one.trial(candidate("large", unfrozen=40)) < before


def test_frozen_trials_teach_nothing_of_unfrozen_ones():
    one = costs(small=5.0)
    fresh = one.trial(candidate(unfrozen=40))
    one.learn(record(0, candidate(), 50.0, 9.0))
    assert one.trial(candidate(unfrozen=40)) < fresh


def test_features_are_paid_for_once():
    one = costs(small=5.0)
    first, unfrozen = one.trial(candidate()), one.trial(candidate(unfrozen=40))
    one.learn(TrialRecord(0, "complete", candidate(), 0.5, probe=True))
    assert first - one.trial(candidate()) == pytest.approx(1200 * 0.005)
    assert unfrozen - one.trial(candidate(unfrozen=40)) == pytest.approx(0.4 * 1200 * 0.005)


def test_a_head_that_pools_in_another_way_reads_other_features():
    one = costs(small=5.0)
    pooling = {f"head.{head}.pooling": "average" for head in ("dense", "linear")}
    average, other = (replace(candidate(), values={**candidate().values, **more}) for more in (pooling, {}))
    one.learn(TrialRecord(0, "complete", average, 0.5, probe=True))
    assert one.trial(replace(average, head="linear")) == one.trial(average)
    assert one.trial(other) - one.trial(average) == pytest.approx(1200 * 0.005)


def test_each_view_of_an_augmentation_is_paid_for_once_as_far_as_epochs_went():
    one = costs(small=5.0)
    one.learn(TrialRecord(0, "complete", candidate(), 0.5, probe=True))
    plain, drawn = one.trial(candidate()), one.trial(candidate(augmentation="flip"))
    view = 1000 * (0.005 + 0.005)  # to draw it, and to send it forward
    assert drawn - plain == pytest.approx(3 * view)
    one.learn(TrialRecord(1, "failed", candidate(augmentation="flip")))  # it got nowhere
    assert one.trial(candidate(augmentation="flip")) == pytest.approx(drawn)
    one.learn(record(2, candidate(augmentation="flip"), 1.0 + view, 0.32, epochs=2))
    assert one.trial(candidate(augmentation="flip")) - one.trial(candidate()) == pytest.approx(2 * view)


def test_what_an_augmentation_took_to_draw_is_learnt():
    one = costs(small=5.0)
    one.learn(TrialRecord(0, "complete", candidate(), 0.5, probe=True))
    one.learn(record(1, candidate(augmentation="slow"), 1.0 + 3 * 1000 * (0.005 + 0.040), 0.32))
    other = replace(candidate(augmentation="slow"), values={"batch_size": 32, "augmentation.slow.strength": "high"})
    assert one.trial(other) - one.trial(candidate()) == pytest.approx(3 * 1000 * (0.005 + 0.040))


def test_a_continued_trial_costs_what_is_left_of_it():
    one = costs(small=5.0)
    chosen = candidate(unfrozen=10)
    one.learn(record(0, chosen, 4.0, 1.5, epochs=3))
    assert one.trial(chosen) - one.trial(chosen, done=3) == pytest.approx(2 * 1.5)
    continued = record(1, chosen, 1.0, 1.5, epochs=10, continues=0)
    one.learn(replace(continued, seconds=1.0 + 7 * 1.5))
    assert one._took[-1].setup == pytest.approx(1.0)


def test_trials_tell_the_milliseconds_where_no_probe_did():
    one = costs()
    one.learn(record(0, candidate(unfrozen=40), 5.0, 0.008 * 0.6 * 3200 + 0.32))
    assert one.finish("small") == pytest.approx(costs(small=8.0).finish("small"))
    assert one.trial(candidate(unfrozen=10)) < one.trial(candidate(unfrozen=100))


def test_the_finish_grows_with_the_pictures_it_scores():
    few, many = costs(small=5.0), costs(small=5.0)
    many.pictures = replace(many.pictures, test=10_000)
    assert many.finish("small") - few.finish("small") > 9900 * 0.005
