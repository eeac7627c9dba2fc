"""An option is declared once, and everything about it can be read back."""

from dataclasses import dataclass
from typing import Literal

import pytest

from ganctl import gans
from ganctl.errors import UsageError
from ganctl.gans import FAMILIES
from ganctl.option import Option, option, options_of
from ganctl.settings import Settings


@dataclass(frozen=True)
class Options:
    """One of every type."""

    name: str
    width: int = option(64, "Channels.", "Nets", ge=1, le=512)
    rate: float | None = option(None, "Learning rate.", "Optimisation", metavar="LR", gt=0)
    loss: Literal["soft", "hard"] | None = option("soft", "Loss.")
    channels: int = option(1, "Channels of a picture.", choices=(1, 3))
    flip: bool = option(True, "Mirror.", "Data")


def test_an_options_type_bounds_choices_and_place_in_the_help_are_those_that_were_declared() -> None:
    assert list(options_of(Options).values()) == [
        Option("width", int, False, 64, "Channels.", "Nets", ge=1, le=512),
        Option("rate", float, True, None, "Learning rate.", "Optimisation", "LR", gt=0),
        Option("loss", str, True, "soft", "Loss.", choices=("soft", "hard")),
        Option("channels", int, False, 1, "Channels of a picture.", choices=(1, 3)),
        Option("flip", bool, False, True, "Mirror.", "Data"),
    ]


def test_a_value_and_its_text_are_parsed_alike() -> None:
    declared = options_of(Options)
    for name, value in (
        ("width", 8),
        ("rate", 0.5),
        ("rate", None),
        ("loss", "hard"),
        ("channels", 3),
        ("flip", False),
    ):
        assert declared[name].parse(value) == declared[name].parse(str(value)) == value


@pytest.mark.parametrize(
    ("name", "value"), [("width", 0), ("width", 513), ("rate", 0.0), ("loss", "x"), ("channels", 2), ("width", None)]
)
def test_a_value_out_of_bounds_is_refused(name: str, value: float | str | None) -> None:
    with pytest.raises(UsageError):
        options_of(Options)[name].parse(value)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_option_of_a_family_has_the_name_of_a_setting(family: str) -> None:
    assert not set(options_of(Settings)) & set(options_of(gans.options_of(family).options))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_option_says_what_it_does_in_one_sentence_and_its_default_is_allowed(family: str) -> None:
    for declared in (options_of(Settings) | options_of(gans.options_of(family).options)).values():
        assert declared.doc[0].isupper() or declared.doc.startswith(("diffaug", "1", "10m")), declared.doc
        assert declared.doc.endswith(".")
        assert declared.parse(declared.default) == declared.default
