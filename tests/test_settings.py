"""Where a setting's value comes from, and what it may be."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from ganctl.errors import UsageError
from ganctl.option import option
from ganctl.settings import (
    Settings,
    Value,
    changed,
    parse_assignments,
    parse_cadence,
    require_options,
    resolve,
)


@dataclass(frozen=True)
class Options:
    """A family's own."""

    width: int = option(64, "a whole number", ge=1, le=512)
    rate: float = option(1e-3, "a number", gt=0)
    loss: Literal["soft", "hard"] = option("soft", "one of two")
    both: bool = option(False, "yes or no")
    shape: str = option("round", "any text")
    rest: int | None = option(None, "a whole number or none")
    tint: Literal["none", "warm"] = option("warm", "one of two, of which one is called none")


PRESETS: Mapping[str, Mapping[str, Value]] = {"plain": {}, "wide": {"width": 128, "batch_size": 256}}


def resolved(
    *assignments: str, preset: str | None = None, base: Mapping[str, Value] | None = None, **flags: Any
) -> Settings:
    return resolve(
        "toy",
        Options,
        PRESETS,
        preset=preset,
        default_preset="plain",
        flags=flags,
        assignments=parse_assignments(list(assignments)),
        base=base,
    )


def test_the_familys_default_comes_first() -> None:
    settings = resolved()
    assert settings.options == {
        "width": 64,
        "rate": 1e-3,
        "loss": "soft",
        "both": False,
        "shape": "round",
        "rest": None,
        "tint": "warm",
    }
    assert (settings.family, settings.preset, settings.batch_size) == ("toy", "plain", 64)


def test_a_preset_beats_the_default_a_flag_the_preset_and_set_the_flag() -> None:
    assert resolved(preset="wide").options["width"] == 128
    assert resolved(preset="wide", width=32).options["width"] == 32
    assert resolved("width=16", preset="wide", width=32).options["width"] == 16
    assert resolved(preset="wide").batch_size == 256
    assert resolved(preset="wide", batch_size=8).batch_size == 8
    assert resolved("batch_size=4", preset="wide", batch_size=8).batch_size == 4


def test_a_flag_that_was_not_given_hides_nothing() -> None:
    assert resolved(preset="wide", width=None, batch_size=None) == resolved(preset="wide")


def test_a_models_options_stand_in_for_the_preset_unless_one_is_asked_for() -> None:
    base: dict[str, Value] = {"width": 256, "loss": "hard", "size": 32}
    assert resolved(base=base).options["width"] == 256
    assert resolved(base=base).size == 32
    assert resolved(base=base, width=8).options["width"] == 8
    assert resolved(base=base, preset="wide").options == resolved(preset="wide").options


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("width=512", 512),
        ("width = 7", 7),
        ("rate=3e-4", 3e-4),
        ("rate=1", 1.0),
        ("loss=hard", "hard"),
        ("both=true", True),
        ("both=Yes", True),
        ("both=0", False),
        ("shape=a=b", "a=b"),
        ("rest=5", 5),
        ("rest=none", None),
        ("tint=none", "none"),
    ],
)
def test_text_becomes_a_value_of_the_settings_kind(text: str, value: Value) -> None:
    value_parsed = resolved(text).options[text.split("=")[0].strip()]
    assert value_parsed == value
    assert type(value_parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("width=0", "at least 1"),
        ("width=513", "at most 512"),
        ("width=x", "a whole number"),
        ("width=1e2", "a whole number"),
        ("width=none", "needs a value"),
        ("rate=0", "more than 0"),
        ("rate=nan", "a finite number"),
        ("rate=1e999", "a finite number"),
        ("rate=", "a number"),
        ("loss=medium", "Choose among: soft, hard."),
        ("both=2", "true or false"),
        ("rest=x", "a whole number"),
        ("channels=2", "Choose among: 1, 3."),
        ("nosuch=1", "It knows: allow_changed_data, balance, batch_size, both"),
        ("family=other", "has no setting 'family'"),
        ("checkpoint_every=often", "no checkpoint interval"),
        ("width", "Write --set key=value."),
        ("=3", "Write --set key=value."),
    ],
)
def test_a_value_of_the_wrong_kind_or_out_of_bounds_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolved(text)
    assert why in str(refused.value)


def test_a_flags_value_is_held_to_the_same_bounds_as_a_text() -> None:
    for flags in ({"epochs": 0}, {"seed": -1}, {"size": 2000}, {"rate": math.inf}, {"width": 1.5}, {"width": "x"}):
        with pytest.raises(UsageError):
            resolved(**flags)
    assert resolved(width=2.0).options["width"] == 2


def test_an_unknown_preset_names_the_known() -> None:
    with pytest.raises(UsageError) as refused:
        resolved(preset="narrow")
    assert str(refused.value) == "toy has no preset 'narrow'. Its presets are: plain, wide."


@pytest.mark.parametrize(
    ("text", "cadence"),
    [
        ("10m", (1, 600.0)),
        ("90s", (1, 90.0)),
        ("1h", (1, 3600.0)),
        ("0.5m", (1, 30.0)),
        ("2e", (2, math.inf)),
        ("1e", (1, math.inf)),
    ],
)
def test_a_cadence_is_a_time_or_a_number_of_epochs(text: str, cadence: tuple[int, float]) -> None:
    assert parse_cadence(text) == cadence


@pytest.mark.parametrize("text", ["", "m", "10", "10d", "0m", "-1m", "1.5e", "infm", "nanm", "tenm", "e"])
def test_any_other_cadence_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no checkpoint interval"):
        parse_cadence(text)


def test_assignments_may_be_written_with_hyphens_and_the_last_one_counts() -> None:
    assert parse_assignments(["lr-generator=1", " width = 2 ", "width=3"]) == {"lr_generator": "1", "width": "3"}


def test_a_run_can_be_told_later_what_asks_for_no_other_nets_or_data() -> None:
    before = resolved("rate=0.1", "width=3")
    after = changed(before, Options, {"seed": "7", "allow_changed_data": "yes"})
    assert after == dataclasses.replace(before, seed=7, allow_changed_data=True)
    assert changed(before, Options, {}) == before
    with pytest.raises(UsageError, match="cannot change width"):
        changed(before, Options, {"width": "3"})
    with pytest.raises(UsageError, match="seed = x is not a whole number"):
        changed(before, Options, {"seed": "x"})


def test_settings_survive_json() -> None:
    settings = resolved("rate=0.1", "rest=4", preset="wide", size=32, channels=3, limit=10)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"epochs": "many"}, {"epochs": None}, {"nosuch": 1}, {"options": 3}, {"keep": []}]
)
def test_settings_that_no_training_was_told_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises((UsageError, TypeError)):
        Settings.from_json(resolved().to_json() | change)
    with pytest.raises(TypeError):
        Settings.from_json({})


def test_a_familys_options_are_checked_by_themselves() -> None:
    require_options(Options, resolved().options)
    for wrong in ({"nosuch": 1}, {"width": "x"}, {"width": 0}):
        with pytest.raises(UsageError):
            require_options(Options, wrong)
