"""The science: GAN families, and this registry, which imports a family only when it is asked for (it brings torch).

base        the interface between a family and everything else
dcgan, cyclegan, acgan   families, with their options in options/ and their networks in nets/
losses, diffaug, image_pool, labels, frozen   what families share
dataset     opens the data of a training as its family learns from it
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from ganctl.errors import UsageError
from ganctl.option import fields_of
from ganctl.runs.metric_names import ROLES
from ganctl.units import counted

if TYPE_CHECKING:
    from ganctl.data.info import Needs
    from ganctl.gans.base import Family
    from ganctl.option import Value

FAMILIES: dict[str, str | Family] = {
    "dcgan": "ganctl.gans.dcgan:FAMILY",
    "cyclegan": "ganctl.gans.cyclegan:FAMILY",
    "acgan": "ganctl.gans.acgan:FAMILY",
}
"""Name → the family, or ``module:attribute`` to import it from."""

OPTIONS = {name: f"ganctl.gans.options.{name}" for name in FAMILIES}
"""Name → the module of the family's options, which needs no torch; a registered family has none. Its ``ROLES``
stand there only where they are not the usual ones."""


class FamilyOptions(NamedTuple):
    """The settings of a family.

    Attributes:
        summary: one line of help.
        options: a dataclass of options (`ganctl.option.option`).
        presets: name → settings that replace the defaults.
        default_preset: the preset of ``train`` without ``--preset``.
        needs: the sets that it learns from, and their columns.
        roles: ``generator`` and ``discriminator`` → the family's players that are these.
    """

    summary: str
    options: type
    presets: Mapping[str, Mapping[str, Value]]
    default_preset: str
    needs: Needs
    roles: Mapping[str, str] = ROLES


def register(family: Family) -> None:
    """Add a family, so that `ganctl.train` and `ganctl.load` know its name for the rest of this process.

    Every process that uses one of its runs or models has to register it.

    Raises:
        UsageError: its name is taken, one of its options or controls is not declared with `ganctl.option.option`, there
            is no such role, or it needs other than one set with columns or two without.
    """
    if family.name in FAMILIES:
        raise UsageError(f"There is a family {family.name!r} already.", "Give yours another name.")
    for kind, fields in ("option", family.options), ("control", family.controls):
        if undeclared := next((name for name, field in fields_of(fields).items() if not field.doc), None):
            raise UsageError(
                f"The {kind} {undeclared!r} of {family.name} is not declared.", "Use ganctl.option.option."
            )
    if unknown := next((role for role in family.roles if role not in ROLES), None):
        raise UsageError(f"{family.name} has a role {unknown!r}.", f"The roles are: {', '.join(ROLES)}.")
    sets, columns = family.needs
    if len(sets) not in (1, 2):
        raise UsageError(f"{family.name} needs {counted(len(sets), 'set')}.", "A family learns from one set or two.")
    if len(sets) == 2 and columns:
        raise UsageError(f"{family.name} needs {columns[0]} of two sets.", "Only a single set can have columns.")
    FAMILIES[family.name] = family


def require(name: str) -> None:
    """Raise UsageError, which lists the families, unless there is one of this name."""
    if name not in FAMILIES:
        raise UsageError(f"There is no family {name!r}.", f"The families are: {', '.join(FAMILIES)}.")


def find(name: str) -> Family:
    """Return the family of a name.

    Raises:
        UsageError: there is none; the families are listed.
    """
    require(name)
    entry = FAMILIES[name]
    if not isinstance(entry, str):
        return entry
    module, attribute = entry.split(":")
    family: Family = vars(import_module(module))[attribute]
    return family


def options_of(name: str) -> FamilyOptions:
    """Return the options of a family, for its help and completion: without torch, if they have a module of their own.

    Raises:
        UsageError: there is no such family; the families are listed.
    """
    require(name)
    if name not in OPTIONS:
        family = find(name)
        own = (family.summary, family.options, family.presets, family.default_preset)
        return FamilyOptions(*own, family.needs, family.roles)
    module = vars(import_module(OPTIONS[name]))
    names = ("SUMMARY", "Options", "PRESETS", "DEFAULT_PRESET", "NEEDS")
    return FamilyOptions(*(module[name] for name in names))._replace(roles=module.get("ROLES", ROLES))
