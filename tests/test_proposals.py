from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotl.candidate import Anatomy, anatomy_from, candidate_from, to_plain
from autotl.errors import ConfigError, UnknownPart
from autotl.plugins import catalogue
from autotl.proposals import TRAINING, SearchSpace, narrow
from autotl.space import Choice, Float, Int

HEADS = {"linear": {}, "dense": {"units": Int(32, 1024, log=True, default=256), "dropout": Float(0, 0.6)}}
AUGMENTATIONS = {"none": {}, "flip_crop": {"strength": Choice("medium", "light", "strong")}}


def anatomy(name: str, offered: tuple[int, ...] = (0, 11, 20, 47)) -> Anatomy:
    return Anatomy(name, 96, 154, 2_000_000, (3, 3, 1280), tuple(range(155)), offered, "imagenet", "0" * 32)


def space(**pins) -> SearchSpace:
    found = {name: anatomy(name) for name in ("mobilenet", "mobilenet_v2")}
    return SearchSpace(found, HEADS, AUGMENTATIONS, pins, epochs=5)


class Drawn:
    """Draws values from Hypothesis, as a sampler would."""

    def __init__(self, data):
        self.data, self.names = data, []

    def suggest_int(self, name, low, high, *, step=1, log=False):
        self.names.append(name)
        return self.data.draw(st.integers(low, high))

    def suggest_float(self, name, low, high, *, log=False):
        self.names.append(name)
        return self.data.draw(st.floats(low, high))

    def suggest_categorical(self, name, choices):
        self.names.append(name)
        return self.data.draw(st.sampled_from(choices))


@given(st.data())
def test_every_candidate_lies_in_its_space_and_survives_json(data):
    drawn = Drawn(data)
    candidate = space().candidate(lambda name, dimension: dimension.suggest(name, drawn))
    assert candidate.unfrozen_layers in (0, 11, 20, 47)
    assert set(candidate.of("head", candidate.head)) == set(HEADS[candidate.head])
    assert ("unfrozen_rate" in candidate.values) == (candidate.unfrozen_layers > 0)
    assert len(drawn.names) == len(set(drawn.names))
    again = candidate_from(json.loads(json.dumps(to_plain(candidate))))
    assert again == candidate
    assert again.key() == candidate.key()


@given(st.integers(0, 10_000))
def test_pinned_unfrozen_layers_are_snapped_down_to_a_cut(layers):
    candidate = space(unfrozen_layers=layers).candidate(lambda name, dimension: dimension.first())
    assert candidate.unfrozen_layers == min(layers, 154)


def test_a_pin_between_two_cuts_is_told():
    assert space(unfrozen_layers=12).snapped() == []
    coarse = SearchSpace({"m": Anatomy("m", 96, 47, 1, (3, 3, 8), (0, 31, 47), (0, 31), "w", "0")}, HEADS, {}, {}, 5)
    assert coarse.snapped() == []
    pinned = SearchSpace(coarse.anatomies, HEADS, {}, {"unfrozen_layers": 15}, 5)
    assert pinned.snapped() == ["m has no cut at 15 unfrozen layers; 0 run. The next is 31."]


def test_what_is_pinned_is_not_drawn():
    names = []

    def draw(name, dimension):
        names.append(name)
        return dimension.first()

    pins = {"head.dense.units": 4096, "learning_rate": 0.01, "unfrozen_layers": 12}
    candidate = space(**pins).candidate(draw)
    assert not set(pins) & set(names)
    assert "backbone.mobilenet.unfrozen_blocks" not in names
    assert candidate.values["learning_rate"] == 0.01
    head = candidate.of("head", candidate.head)
    assert candidate.head != "dense" or head["units"] == 4096


def test_the_first_candidate_is_the_default_recipe():
    first = space().starts()[0]
    assert first["backbone"] == "mobilenet"
    assert first["head"] == "dense"
    assert first["head.dense.units"] == 256
    assert first["backbone.mobilenet.unfrozen_blocks"] == 0
    assert first["augmentation"] == "none"
    assert first["learning_rate"] == TRAINING["learning_rate"].first()


def test_the_best_backbone_is_unfrozen_before_the_next_best_is_tried():
    first, *rest = space().starts(["mobilenet_v2", "mobilenet"])
    assert first == space().recipe(backbone="mobilenet_v2")
    assert rest == [*space().deeper("mobilenet_v2"), space().recipe(backbone="mobilenet")]


def test_a_probe_is_a_linear_head_on_plain_frozen_averages():
    recipe = space().probe("mobilenet_v2")
    assert recipe["backbone"] == "mobilenet_v2"
    assert (recipe["head"], recipe["augmentation"]) == ("linear", "none")
    assert recipe["backbone.mobilenet_v2.unfrozen_blocks"] == 0
    assert recipe["learning_rate"] == TRAINING["learning_rate"].first()
    pooling = {"linear": {"pooling": Choice("max", "average")}}
    other = SearchSpace({"m": anatomy("m", (0,))}, pooling, {"none": {}}, {}, 5)
    assert other.probe("m")["head.linear.pooling"] == "average"


@pytest.mark.parametrize(
    "pins",
    [
        {"unfrozen_layers": 20},
        {"backbone.mobilenet.unfrozen_layers": 11},
        {"learning_rate": 1e-4},
        {"batch_size": 16},
        {"head.linear.dropout": 0.4},
        {"head.linear.pooling": "max"},
    ],
)
def test_where_something_else_is_pinned_a_probe_is_no_candidate(pins):
    heads = {"linear": {"pooling": Choice("average", "max"), "dropout": Float(0.0, 0.5)}, "dense": {}}
    found = {name: anatomy(name) for name in ("mobilenet", "mobilenet_v2")}
    assert SearchSpace(found, heads, AUGMENTATIONS, {}, 5).probe("mobilenet") is not None
    assert SearchSpace(found, heads, AUGMENTATIONS, pins, 5).probe("mobilenet") is None


@pytest.mark.parametrize("parts", [({"dense": {}}, {"none": {}}), ({"linear": {}}, {"flip_crop": {}})])
def test_where_other_parts_were_chosen_a_probe_is_no_candidate(parts):
    assert SearchSpace({"m": anatomy("m")}, *parts, {}, 5).probe("m") is None


def test_deeper_recipes_unfreeze_and_augment_the_backbone_asked_for():
    one, two = space().deeper("mobilenet_v2")
    assert {one["backbone"], two["backbone"]} == {"mobilenet_v2"}
    assert (one["backbone.mobilenet_v2.unfrozen_blocks"], two["backbone.mobilenet_v2.unfrozen_blocks"]) == (2, 3)
    assert {one["augmentation"], two["augmentation"]} == {"flip_crop"}
    assert space(unfrozen_layers=0, augmentation="none").deeper("mobilenet") == []


def test_the_first_recipes_respect_what_is_pinned_and_missing():
    narrowed = SearchSpace({"m": anatomy("m", (0,))}, {"linear": {}}, {"none": {}}, {}, 5)
    (only,) = narrowed.starts()
    assert only == {name: dimension.first() for name, dimension in TRAINING.items() if name != "unfrozen_rate"}
    assert narrowed.deeper("m") == []


def test_pins_are_read_by_their_dimension_and_narrow_the_parts():
    names, pins = narrow(
        catalogue(),
        {"head": "two_dense", "head.two_dense.dropout": "0.5", "unfrozen_layers": "15", "batch_size": "8"},
        {"backbone": ("mobilenet_v2",), "head": (), "augmentation": ("none",)},
    )
    assert names == {"backbone": ("mobilenet_v2",), "head": ("two_dense",), "augmentation": ("none",)}
    assert pins == {"head.two_dense.dropout": 0.5, "unfrozen_layers": 15, "batch_size": 8}


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ({"learning_rat": 1}, "Did you mean 'learning_rate'"),
        ({"unfrozen_layers": -1}, "0 or more"),
        ({"unfrozen_layers": 1.5}, "whole number"),
        ({"learning_rate": "fast"}, "learning_rate=fast is not a number"),
        ({"head.dense.dropout": 5}, "head.dense.dropout=5 cannot be"),
    ],
)
def test_a_wrong_pin_is_refused_by_name(pins, message):
    with pytest.raises(ConfigError, match=message):
        narrow(catalogue(), pins, {"backbone": (), "head": (), "augmentation": ()})


def test_an_unknown_part_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownPart, match="Did you mean 'mobilenet_v2'"):
        narrow(catalogue(), {}, {"backbone": ("mobilenet_v22",), "head": (), "augmentation": ()})
    with pytest.raises(UnknownPart, match="No head named 'dens'"):
        narrow(catalogue(), {"head": "dens"}, {"backbone": (), "head": (), "augmentation": ()})


def test_an_anatomy_survives_json():
    assert anatomy_from(json.loads(json.dumps(to_plain(anatomy("m"))))) == anatomy("m")


def test_what_is_only_there_on_request_is_never_drawn():
    plain = space().candidate(lambda name, dimension: dimension.first())
    asked = space(ema=0.99, patience=3).candidate(lambda name, dimension: dimension.first())
    assert "ema" not in plain.values
    assert (asked.values["ema"], asked.values["patience"]) == (0.99, 3)
