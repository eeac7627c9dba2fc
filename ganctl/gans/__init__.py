"""GAN families: one file each, and this registry of their names. No torch before a family is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ganctl.errors import UsageError

if TYPE_CHECKING:
    from ganctl.gans.base import Family

FAMILIES = {"dcgan": "ganctl.gans.dcgan:FAMILY", "cyclegan": "ganctl.gans.cyclegan:FAMILY"}


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
    found: Family = vars(import_module(module))[attribute]
    return found
