from __future__ import annotations

import optuna
import pytest

from autotl.candidate import TrialRecord
from autotl.study import Study

from .test_proposals import anatomy, space


def study(folder, **options) -> Study:
    return Study(folder / "study.db", options.pop("space", space()), metric=options.pop("metric", "accuracy"), seed=3)


def record(number, candidate, score, state="complete") -> TrialRecord:
    return TrialRecord(number, state, candidate, score=score)


def quality(candidate) -> float:
    """Deeper is better, wide heads are better: something a sampler can learn."""
    return candidate.unfrozen_layers / 100 + (0.2 if candidate.head == "dense" else 0)


def run(one: Study, count: int) -> list[TrialRecord]:
    records: list[TrialRecord] = []
    for _ in range(count):
        number, candidate = one.ask({})
        records.append(record(number, candidate, quality(candidate)))
        one.tell(records[-1])
    return records


def test_the_first_trial_is_the_default_recipe_on_the_first_backbone(tmp_path):
    one = study(tmp_path)
    one.begin()
    number, candidate = one.ask({})
    assert number == 0
    assert (candidate.backbone, candidate.head, candidate.unfrozen_layers) == ("mobilenet", "dense", 0)


def test_once_every_backbone_was_tried_the_best_one_is_unfrozen(tmp_path):
    one = study(tmp_path)
    one.begin()
    one.deepen(1, "mobilenet")  # too early
    run(one, 2)
    one.deepen(2, "mobilenet_v2")
    one.deepen(3, "mobilenet")  # only once
    again = study(tmp_path)  # a resumed study knows
    again.deepen(4, "mobilenet")
    candidates = [r.candidate for r in run(again, 2)]
    assert [(c.backbone, c.unfrozen_layers) for c in candidates] == [("mobilenet_v2", 20), ("mobilenet_v2", 47)]


def test_any_optuna_reads_the_study_and_finds_what_ran(tmp_path):
    run(study(tmp_path), 3)
    loaded = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert len(loaded.trials) == 3
    assert all("unfrozen_layers" in trial.user_attrs for trial in loaded.trials)
    assert loaded.best_value == max(trial.value for trial in loaded.trials)


def test_the_same_seed_proposes_the_same_trials_also_when_interrupted(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = run(study(tmp_path / "a"), 14)
    halves = [*run(study(tmp_path / "b"), 6), *run(study(tmp_path / "b"), 8)]
    assert [r.candidate for r in whole] == [r.candidate for r in halves]


def test_a_losing_trial_is_pruned_and_a_winning_one_is_not(tmp_path):
    one = study(tmp_path)

    def curve(height: float) -> bool:
        number, candidate = one.ask({})
        for epoch in range(1, 10):
            if one.report(number, epoch, height * epoch / 9):
                one.tell(record(number, candidate, height * epoch / 9, "pruned"))
                return True
        one.tell(record(number, candidate, height))
        return False

    assert not any(curve(height) for height in (0.9, 0.1, 0.8, 0.95))  # the first ones run to their end
    assert curve(0.2)
    assert not curve(0.99)


def test_a_lower_log_loss_is_the_better_one(tmp_path):
    one = study(tmp_path, metric="log_loss")
    run(one, 2)
    assert optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}").direction.name == (
        "MINIMIZE"
    )


def test_a_candidate_that_was_tried_is_not_run_again(tmp_path):
    pins = {"unfrozen_layers": 0, "learning_rate": 1e-3, "batch_size": 32, "augmentation.flip_crop.strength": "light"}
    pinned = space(**pins, **{"head.dense.units": 64, "head.dense.dropout": 0.1})
    one = study(tmp_path, space=pinned)
    tried = {}
    while (proposal := one.ask(tried)) is not None:
        number, candidate = proposal
        assert candidate.key() not in tried
        tried[candidate.key()] = record(number, candidate, 0.5)
        one.tell(tried[candidate.key()])
    assert 2 < len(tried) <= 2 * 2 * 2


def test_a_part_set_aside_is_not_proposed(tmp_path):
    one = study(tmp_path)
    one.set_aside("backbone", "mobilenet")
    assert {r.candidate.backbone for r in run(one, 8)} == {"mobilenet_v2"}
    assert not one.has_others("backbone", "mobilenet_v2")


def test_an_orphan_of_a_killed_run_is_tried_again(tmp_path):
    _, orphan = study(tmp_path).ask({})
    again = study(tmp_path)
    again.recover([])
    _, candidate = again.ask({})
    assert candidate == orphan


def test_an_orphan_that_had_written_its_record_is_not_repeated(tmp_path):
    number, candidate = study(tmp_path).ask({})
    again = study(tmp_path)
    again.recover([record(number, candidate, 0.75)])
    loaded = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert loaded.trials[number].value == 0.75


def test_other_parts_than_the_study_began_with_are_refused(tmp_path):
    from autotl.errors import RunError
    from autotl.proposals import SearchSpace

    run(study(tmp_path), 1)
    before = space()
    changed = SearchSpace(
        {"mobilenet": anatomy("mobilenet"), "vgg16": anatomy("vgg16")}, before.heads, before.augmentations, {}, 5
    )
    with pytest.raises(RunError, match="Install the plugins it began with"):
        run(study(tmp_path, space=changed), 1)
