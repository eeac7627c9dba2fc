"""Declares one option of a training as the field of a dataclass, and checks the values it is given.

An option is written once: its check, its flag, its line in ``--help`` and its row in the report all come from there.
"""

import dataclasses
import math
import operator
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from ganctl.errors import UsageError

Value = str | int | float | bool | None
Panel = Literal["Data", "Nets", "Optimisation", "Measuring", "Run"]


def option(
    default: Value,
    doc: str,
    panel: Panel | None = None,
    *,
    metavar: str | None = None,
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    choices: tuple[int, ...] = (),
    learning_rate_of: tuple[str, ...] = (),
) -> Any:
    """Declare a setting: the field of a dataclass whose type is bool, int, float, str or a Literal of texts.

    Args:
        default: its value where no layer says otherwise.
        doc: one sentence that says what a value does.
        panel: where ``ganctl train FAMILY --help`` lists its flag; without one it has no flag, and ``--set`` sets it.
        metavar: what stands for a value in the help; derived from the type if not given.
        ge: the smallest value.
        le: the largest value.
        gt: what every value is greater than.
        choices: all values of a number; those of a text are in its Literal.
        learning_rate_of: the players whose learning rate it is: ``--lr`` sets it, ``resume --set`` may change it, and
            the verdicts advise on it.
    """
    declared = {"doc": doc, "panel": panel, "metavar": metavar, "ge": ge, "le": le, "gt": gt, "choices": choices}
    return dataclasses.field(default=default, metadata=declared | {"learning_rate_of": learning_rate_of})


@dataclass(frozen=True)
class Option:
    """One setting, as `option` declared it.

    Attributes:
        name: of the field.
        value_type: bool, int, float or str.
        optional: whether it may also be None.
        choices: all values, where they can be listed.

    The others are those of `option`.
    """

    name: str
    value_type: type[bool] | type[int] | type[float] | type[str]
    optional: bool
    default: Value
    doc: str = ""
    panel: Panel | None = None
    metavar: str | None = None
    ge: float | None = None
    le: float | None = None
    gt: float | None = None
    choices: tuple[int | str, ...] = ()
    learning_rate_of: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Its flag on the command line, such as ``--batch-size``."""
        return f"--{self.name.replace('_', '-')}"

    def parse(self, value: Value) -> Value:
        """Convert a value or a text to this option's type, and check it.

        Raises:
            UsageError: it is of another type, or out of bounds.
        """
        takes_any_text = self.value_type is str and not self.choices  # such as a class that is called none
        says_none = isinstance(value, str) and value.lower() == "none" and "none" not in self.choices
        if value is None or (says_none and not takes_any_text):
            if self.optional:
                return None
            raise UsageError(f"{self.name} needs a value.")
        try:
            result = _converted(value, self.value_type)
        except (ValueError, TypeError):
            raise UsageError(f"{self.name} = {value} is not {_TYPE_NAMES[self.value_type]}.") from None
        if self.choices and result not in self.choices:
            choices = ", ".join(map(str, self.choices))
            raise UsageError(f"{self.name} = {value} is not allowed.", f"Choose among: {choices}.")
        if isinstance(result, float) and not math.isfinite(result):
            raise UsageError(f"{self.name} = {value} is not a finite number.")
        bounds = (
            (self.gt, operator.gt, "more than"),
            (self.ge, operator.ge, "at least"),
            (self.le, operator.le, "at most"),
        )
        for bound, holds, words in bounds:
            if bound is not None and not holds(result, bound):
                raise UsageError(f"{self.name} = {value} is out of range.", f"It must be {words} {bound:g}.")
        return result


_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def options_of(cls: type) -> dict[str, Option]:
    """The options that a dataclass declares with `option`, by name and in order."""
    return {name: declared for name, declared in fields_of(cls).items() if declared.doc}


def learning_rates_of(cls: type) -> dict[str, Option]:
    """The options of a dataclass that are learning rates, by name and in order."""
    return {name: declared for name, declared in options_of(cls).items() if declared.learning_rate_of}


def fields_of(cls: type) -> dict[str, Option]:
    """Every field of a dataclass that holds a single value, declared with `option` or not."""
    hints = typing.get_type_hints(cls)
    fields = {}
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        value_type = next(member for member in members if member is not types.NoneType)
        declared = dict(field.metadata)
        if typing.get_origin(value_type) is Literal:
            value_type, declared["choices"] = str, typing.get_args(value_type)
        if value_type in _TYPE_NAMES:
            default = None if field.default is dataclasses.MISSING else field.default
            fields[field.name] = Option(field.name, value_type, types.NoneType in members, default, **declared)
    return fields


def _converted(value: str | int | float | bool, kind: type) -> str | int | float | bool:
    if kind is bool:
        if isinstance(value, bool):
            return value
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(value).lower() not in words:
            raise ValueError
        return words[str(value).lower()]
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    return typing.cast("str | int | float", kind(value))
