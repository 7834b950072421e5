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


def test_the_first_trials_are_the_recipes_for_the_order_of_the_backbones(tmp_path):
    one = study(tmp_path)
    one.begin(["mobilenet_v2", "mobilenet"])
    candidates = [each.candidate for each in run(one, 4)]
    assert [(c.backbone, c.unfrozen_layers) for c in candidates] == [
        ("mobilenet_v2", 0),
        ("mobilenet_v2", 20),
        ("mobilenet_v2", 47),
        ("mobilenet", 0),
    ]


def test_a_study_that_had_begun_queues_nothing_again(tmp_path):
    one = study(tmp_path)
    one.begin()
    again = study(tmp_path)
    again.begin(["mobilenet_v2"])
    loaded = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert len(loaded.trials) == len(space().starts())


def probed(one: Study, backbone: str, score: float) -> TrialRecord:
    number, candidate = one.begin_probe(backbone)
    ended = TrialRecord(number, "complete", candidate, score=score, probe=True)
    one.tell(ended)
    return ended


def test_the_signs_of_an_address_may_be_in_the_name_of_a_folder(tmp_path):
    folder = tmp_path / "which one? 100%20 #2"
    folder.mkdir()
    study(folder).begin()
    assert [file.name for file in tmp_path.iterdir()] == [folder.name]
    assert (folder / "study.db").is_file()


def test_a_probe_is_a_finished_trial_with_a_frozen_linear_head(tmp_path):
    one = study(tmp_path)
    first, second = probed(one, "mobilenet_v2", 0.8), probed(one, "mobilenet", 0.7)
    assert (first.number, second.number) == (0, 1)
    candidate = first.candidate
    assert (candidate.backbone, candidate.head, candidate.unfrozen_layers) == ("mobilenet_v2", "linear", 0)
    loaded = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert [(trial.value, trial.user_attrs["probe"]) for trial in loaded.trials] == [(0.8, True), (0.7, True)]
    assert loaded.trials[0].params["learning_rate"] == candidate.values["learning_rate"]


def test_the_first_trials_come_after_the_probes(tmp_path):
    one = study(tmp_path)
    probed(one, "mobilenet_v2", 0.8)
    one.begin(["mobilenet_v2"])
    (trial,) = run(one, 1)
    assert (trial.number, trial.candidate.backbone, trial.candidate.head) == (1, "mobilenet_v2", "dense")


def test_the_sampler_learns_from_probes_as_from_trials(tmp_path):
    one = study(tmp_path)
    for _ in range(4):
        probed(one, "mobilenet_v2", 0.9)
        probed(one, "mobilenet", 0.1)
    backbones = [each.candidate.backbone for each in run(one, 10)]
    assert backbones.count("mobilenet_v2") > backbones.count("mobilenet")


def test_a_probe_that_a_killed_run_left_open_is_not_tried_as_a_trial(tmp_path):
    number, _ = study(tmp_path).begin_probe("mobilenet")
    again = study(tmp_path)
    again.recover([])
    again.begin(["mobilenet_v2"])
    later, candidate = again.ask({})
    assert later == number + 1
    assert (candidate.backbone, candidate.head) == ("mobilenet_v2", "dense")


def test_where_a_probe_is_no_candidate_no_trial_is_opened_for_it(tmp_path):
    assert study(tmp_path, space=space(unfrozen_layers=20)).begin_probe("mobilenet") is None
    loaded = optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert loaded.trials == []


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


def loaded(folder) -> optuna.Study:
    return optuna.load_study(study_name="autotl", storage=f"sqlite:///{folder / 'study.db'}")


def test_a_paused_trial_goes_on_as_a_new_one_with_its_values_and_its_curve(tmp_path):
    one = study(tmp_path)
    run(one, 2)
    number, candidate = one.ask({})
    for epoch, score in enumerate((0.2, 0.3, 0.4), 1):
        one.report(number, epoch, score)
    one.tell(record(number, candidate, 0.4, "pruned"))
    again, same = one.again(number, continues=number)
    assert again != number
    assert same == candidate
    one.report(again, 4, 0.9)
    one.tell(record(again, candidate, 0.9))
    before, after = loaded(tmp_path).trials[number], loaded(tmp_path).trials[again]
    assert (before.state.name, after.state.name, after.value) == ("PRUNED", "COMPLETE", 0.9)
    assert after.params == before.params
    assert after.user_attrs["continues"] == number
    assert after.intermediate_values == {1: 0.2, 2: 0.3, 3: 0.4, 4: 0.9}


def test_what_is_repeated_or_continued_does_not_wait_for_what_is_queued(tmp_path):
    one = study(tmp_path)
    one.begin()
    number, candidate = one.ask({})
    one.tell(record(number, candidate, 0.5))
    again, same = one.again(number, repeats=number)
    assert same == candidate
    one.tell(record(again, candidate, 0.6))
    backbones = [one.ask({})[1].backbone for _ in range(len(space().starts()) - 1)]
    assert backbones == [recipe["backbone"] for recipe in space().starts()[1:]]


def test_our_own_recipes_are_told_from_proposals(tmp_path):
    one = study(tmp_path)
    one.begin()
    starts = len(space().starts())
    assert [one.is_recipe(one.ask({})[0]) for _ in range(starts + 2)] == [True] * starts + [False] * 2


def test_a_recipe_that_did_not_fit_is_tried_when_the_run_goes_on_and_a_proposal_is_not(tmp_path):
    one = study(tmp_path)
    one.begin()
    back = [one.ask({}) for _ in range(len(space().starts()) + 1)]
    for number, _ in back:
        one.hand_back(number)
    assert {trial.state.name for trial in loaded(tmp_path).trials} == {"FAIL"}
    again = study(tmp_path)
    again.recover([])
    number, candidate = again.ask({})
    assert candidate == back[0][1]
    assert again.is_recipe(number)
    again.tell(record(number, candidate, 0.5))
    last = study(tmp_path)
    last.recover([])
    waiting = [last.ask({})[1] for _ in range(len(back))]
    assert candidate not in waiting  # it has run since
    assert back[1][1] in waiting
    assert back[-1][1] not in waiting


@pytest.mark.parametrize("why", ["continues", "repeats"])
def test_an_orphan_that_followed_another_trial_is_not_tried_by_itself(tmp_path, why):
    one = study(tmp_path)
    (first,) = run(one, 1)
    orphan, candidate = one.again(first.number, **{why: first.number})
    again = study(tmp_path)
    again.recover([first])
    number, _ = again.ask({})
    assert number == 2
    assert not again.is_recipe(number)
    assert again.again(first.number, **{why: first.number}) == (orphan, candidate)  # asked for again, it is the same


def test_an_orphan_that_nobody_asks_for_is_settled_at_the_end(tmp_path):
    one = study(tmp_path)
    (first,) = run(one, 1)
    one.again(first.number, continues=first.number)
    again = study(tmp_path)
    again.recover([first])
    again.settle()
    assert [trial.state.name for trial in loaded(tmp_path).trials] == ["COMPLETE", "FAIL"]


def test_records_that_a_study_has_never_heard_of_are_named(tmp_path):
    one = study(tmp_path)
    (first,) = run(one, 1)
    beyond = record(1, first.candidate, 0.5)
    assert study(tmp_path).recover([first, beyond]) == [1]


def test_a_closed_study_is_one_file(tmp_path):
    one = study(tmp_path)
    run(one, 1)
    one.close()
    assert [file.name for file in tmp_path.iterdir()] == ["study.db"]


def test_a_lower_log_loss_is_the_better_one(tmp_path):
    one = study(tmp_path, metric="log_loss")
    run(one, 2)
    assert optuna.load_study(study_name="autotl", storage=f"sqlite:///{tmp_path / 'study.db'}").direction.name == (
        "MINIMIZE"
    )


def test_a_candidate_that_was_tried_is_not_run_again(tmp_path):
    pins = {"unfrozen_layers": 0, "learning_rate": 1e-3, "batch_size": 32, "augmentation.flip_crop.strength": "light"}
    others = {"head.dense.units": 64, "head.dense.dropout": 0.1, "weight_decay": 0.01, "label_smoothing": 0.0}
    pinned = space(**pins, **others)
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


def test_what_explains_the_scores_is_told_and_adds_up_to_one(tmp_path):
    one = study(tmp_path)
    one.begin()
    run(one, 16)
    found = one.importances()
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["head"] > found["learning_rate"]
    assert one.importances() == found


def test_of_few_trials_or_equal_scores_no_importances_are_told(tmp_path):
    one = study(tmp_path)
    run(one, 5)
    assert one.importances() == {}
    for _ in range(6):
        number, candidate = one.ask({})
        one.tell(record(number, candidate, None, "failed"))
    assert one.importances() == {}
    (tmp_path / "other").mkdir()
    other = study(tmp_path / "other")
    for _ in range(9):
        number, candidate = other.ask({})
        other.tell(record(number, candidate, 0.5))
    assert all(share == pytest.approx(0.0) or share <= 1 for share in other.importances().values())
