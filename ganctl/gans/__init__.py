"""GAN families: one file each, and this registry of their names. No torch before a family is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from ganctl.errors import UsageError

if TYPE_CHECKING:
    from ganctl.gans.base import Family
    from ganctl.option import Value

FAMILIES = {"dcgan": "ganctl.gans.dcgan:FAMILY", "cyclegan": "ganctl.gans.cyclegan:FAMILY"}
OPTIONS = {"dcgan": "ganctl.gans.options.dcgan", "cyclegan": "ganctl.gans.options.cyclegan"}
"""Family → the module of its options, where they need no torch."""


class FamilyOptions(NamedTuple):
    """What a family can be set to.

    Attributes:
        summary: one line for people.
        options: a dataclass of options (`ganctl.option.option`).
        presets: named layers over the options' defaults.
        default_preset: the preset of a bare ``train``.
    """

    summary: str
    options: type
    presets: Mapping[str, Mapping[str, Value]]
    default_preset: str


def require(name: str) -> None:
    """Raise UsageError, with the names there are, unless there is such a family."""
    if name not in FAMILIES:
        raise UsageError(f"There is no family {name!r}.", f"The families are: {', '.join(FAMILIES)}.")


def find(name: str) -> Family:
    """The family of a name.

    Raises:
        UsageError: there is none; the names are listed.
    """
    require(name)
    module, attribute = FAMILIES[name].split(":")
    family: Family = vars(import_module(module))[attribute]
    return family


def options_of(name: str) -> FamilyOptions:
    """The options of a family, for its help and completion: without torch, if they have a module of their own.

    Raises:
        UsageError: there is no such family; the names are listed.
    """
    require(name)
    if name not in OPTIONS:
        family = find(name)
        return FamilyOptions(family.summary, family.options, family.presets, family.default_preset)
    module = vars(import_module(OPTIONS[name]))
    return FamilyOptions(module["SUMMARY"], module["Options"], module["PRESETS"], module["DEFAULT_PRESET"])
