from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autotl.config import (
    METRICS,
    PRESETS,
    SearchConfig,
    default_out,
    from_toml,
    make,
    read_pairs,
    read_seconds,
    with_preset,
)
from autotl.errors import ConfigError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
NUMBERS = st.floats(1e-6, 1e6)
SETTINGS = st.fixed_dictionaries(
    {"data": TEXT, "out": TEXT},
    optional={
        "seconds": NUMBERS | st.none(),
        "trials": st.integers(1, 10_000) | st.none(),
        "backbones": st.lists(TEXT, max_size=3).map(tuple),
        "heads": st.lists(TEXT, max_size=3).map(tuple),
        "pins": st.dictionaries(TEXT, st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXT, max_size=4),
        "weights": st.dictionaries(TEXT, TEXT, max_size=2),
        "metric": st.sampled_from(METRICS),
        "preset": st.sampled_from(sorted(PRESETS)),
        "confirm": st.integers(0, 20),
        "soup": st.booleans(),
        "epochs": st.integers(1, 10_000),
        "max_latency_ms": NUMBERS | st.none(),
        "max_size_mb": NUMBERS | st.none(),
        "image_size": st.integers(16, 2048) | st.none(),
        "valid_split": st.floats(0.01, 0.89),
        "test_split": st.floats(0, 0.89) | st.none(),
        "seed": st.integers(0, 2**31 - 1),
        "memory": st.integers(256, 2**20) | st.none(),
        "cache": TEXT | st.none(),
    },
)


def exact(config: SearchConfig) -> list[tuple[str, object, type]]:
    """Return the pins with their types: 1, 1.0 and True are equal, but not the same setting."""
    return [(name, value, type(value)) for name, value in sorted(config.pins.items())]


@given(SETTINGS)
@example({"data": "d", "out": "o", "pins": {"a": True, "b": 1, "c": 1.0, "d": "1", "e": "true"}})
def test_a_configuration_survives_toml(settings):
    config = make(**settings)
    again = from_toml(config.to_toml())
    assert again == config
    assert exact(again) == exact(config)


@given(SETTINGS)
def test_what_is_said_wins_over_the_preset_and_the_rest_is_spelt_out(settings):
    resolved = with_preset(settings)
    assert {name: value for name, value in settings.items() if value is not None}.items() <= resolved.items()
    assert with_preset(resolved) == resolved
    preset = PRESETS[settings.get("preset", "balanced")]
    assert preset.keys() - {"seconds"} <= resolved.keys()
    assert resolved.get("seconds") or resolved.get("trials")


def test_without_a_preset_the_balanced_one_is_meant():
    assert make(**with_preset({"data": "d", "out": "o"})) == SearchConfig(data="d", out="o", seconds=600)


def test_a_number_of_trials_is_a_budget_too():
    assert "seconds" not in with_preset({"preset": "quick", "trials": 3})
    assert with_preset({"preset": "quick", "trials": 3, "seconds": 9.0})["seconds"] == 9.0


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError, match="preset='slow'"):
        make(**with_preset({"data": "d", "out": "o", "preset": "slow"}))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("1h30m", 5400), (" 2D ", 172800), (7, 7), (0.5, 0.5)],
)
def test_times_are_read_as_people_write_them(text, seconds):
    assert read_seconds(text) == seconds


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds_add_up(hours, minutes, seconds):
    assert read_seconds(f"{hours}h{minutes}m{seconds}s") == 3600 * hours + 60 * minutes + seconds


@pytest.mark.parametrize("text", ["", "m", "5 minutes", "1h30", "-5m", "5m!", "1e3", "nan", True])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="cannot be read; write 90s, 5m"):
        read_seconds(text)


@pytest.mark.parametrize("text", [-1, 0, float("nan")])
def test_a_time_that_is_no_budget_is_refused_at_the_latest_by_the_configuration(text):
    with pytest.raises(ConfigError):
        make(data="d", out="o", seconds=read_seconds(text))


def test_an_unknown_setting_is_named_with_the_nearest_known():
    with pytest.raises(ConfigError, match=r"no setting 'epoch'\. Did you mean 'epochs'\?"):
        make(data="d", out="o", epoch=3)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("trials", 0),
        ("seconds", -1.0),
        ("valid_split", 1.0),
        ("test_split", -0.1),
        ("metric", "luck"),
        ("seed", -1),
        ("image_size", 8),
        ("pins", {"head": [1]}),
    ],
)
def test_a_setting_out_of_range_is_refused_in_one_line(setting, value):
    with pytest.raises(ConfigError, match=f"The setting {setting}") as caught:
        make(data="d", out="o", **{setting: value})
    assert "\n" not in str(caught.value)


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match="data"):
        make(out="o")


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        make(data="d", out="o").epochs = 3


@pytest.mark.parametrize("text", ["epochs = ", "= 3", "[pins"])
def test_what_is_not_toml_is_refused(text):
    with pytest.raises(ConfigError, match="not TOML"):
        from_toml(text)


def test_pairs_are_split_at_the_first_equals_sign():
    assert read_pairs(["head=dense", " a = b=c "], "--set") == {"head": "dense", "a": "b=c"}


@pytest.mark.parametrize("text", ["head", "=dense", "head=", ""])
def test_what_is_no_pair_is_refused_naming_the_option(text):
    with pytest.raises(ConfigError, match="write --set NAME=VALUE"):
        read_pairs([text], "--set")


@pytest.mark.parametrize(
    ("data", "name"), [("a/digits/", "digits"), ("my data.csv", "my_data"), ("/", "search"), ("x/ü.v2", "ü")]
)
def test_a_run_is_called_after_its_data(data, name):
    assert default_out(data).as_posix() == f"runs/{name}"
