"""`Needs` and `DataInfo`: what a family learns from, and what its nets have to know of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

LABELS = "labels"  # the column of classes: a whole number for each image, its place among the names


class Needs(NamedTuple):
    """What a family learns from.

    Attributes:
        sets: a name for each set, of which there are one or two; it is also the name of that set's images in a batch.
        columns: further columns of a single set, of numbers or booleans, such as ``labels``; two sets have none. Text
            is for a family's own `batches` to read and to turn into numbers.
    """

    sets: tuple[str, ...] = ("images",)
    columns: tuple[str, ...] = ()


ONE_SET = Needs()
"""Images of a single set, and nothing else."""


@dataclass(frozen=True)
class DataInfo:
    """What the nets have to know of the data, in the model's file too.

    Attributes:
        shape: channels, height and width of an image.
        classes: the names of the classes; label i is the i-th of them. Empty where there are no labels.
        domains: the names of the domains, in the order of the family's sets. Empty for a single set.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    def to_header(self) -> dict[str, Any]:
        """Return the entries of a file's header from which `from_header` makes it again; none for what is empty."""
        names = {"classes": self.classes, "domains": self.domains}
        return {"shape": list(self.shape)} | {key: list(value) for key, value in names.items() if value}

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> "DataInfo":
        """Read the entries written by `to_header`; others are ignored.

        Raises:
            KeyError: there is no shape.
            TypeError: an entry is not of the right type.
            ValueError: the shape is not three positive numbers.
        """
        channels, height, width = (_whole_number(length) for length in header["shape"])
        classes, domains = (_names(header.get(key, ())) for key in ("classes", "domains"))
        return cls((channels, height, width), classes, domains)


def _whole_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    if value < 1:
        raise ValueError(f"{value} is no length of an image")
    return value


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} are no names")
    return tuple(values)
