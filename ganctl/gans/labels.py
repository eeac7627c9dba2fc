"""What families whose images have a class share: ``--label`` by name or number, several, a blend, or all."""

import math
import unicodedata
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.option import option

_MAX_LISTED = 20  # classes in a message


@dataclass(frozen=True)
class Controls:
    """What a trained model can be asked for.

    Attributes:
        shares: of all classes, where images are between them; they add up to 1. Empty for one of `label`.
    """

    label: str | None = option(
        None, "Class by name or number; several with commas, a blend as 3:0.5,8:0.5, or all. Without it, any."
    )
    shares: tuple[float, ...] = ()


def conditions(controls: Controls, info: DataInfo, generator: Generator) -> dict[str, Tensor]:
    """Return the label of one image, a whole number; the shares of all classes [K]; or a random label.

    Raises:
        UsageError: there is no such class.
    """
    if controls.shares:
        return {"labels": torch.tensor(controls.shares)}
    if controls.label is None:
        return {"labels": torch.randint(len(info.classes), (), generator=generator)}
    return {"labels": torch.tensor(label_of(controls.label, info))}


def alternatives(controls: Controls, info: DataInfo) -> list[Controls]:
    """Return the controls of each label that is asked for.

    Raises:
        UsageError: there is no such class, or a blend has no shares.
    """
    if controls.shares or controls.label is None or controls.label in info.classes:
        return [controls]
    if controls.label == "all":
        return [Controls(name) for name in info.classes]
    texts = [text.strip() for text in controls.label.split(",")]
    if any(":" in text and text not in info.classes for text in texts):
        return [replace(controls, shares=_shares(texts, info))]
    return [Controls(info.classes[label_of(text, info)]) for text in texts]


def between(first: Controls, second: Controls, share: float, info: DataInfo) -> Controls:
    """Return the controls on the way from the first, where `share` is 0, to the second, where it is 1."""
    pairs = zip(*(_all_shares(controls, info) for controls in (first, second)), strict=True)
    return Controls(shares=tuple((1 - share) * a + share * b for a, b in pairs))


def label_of(text: str, info: DataInfo) -> int:
    """Return the label of a class, by its name, or by its number where no class is called by a number.

    Names are compared as Unicode does: an ä may be one character or two, as in the names of folders from a Mac.

    Raises:
        UsageError: there is no such class; they are listed.
    """
    if text in info.classes:
        return info.classes.index(text)
    names = [unicodedata.normalize("NFC", name) for name in info.classes]
    if (composed := unicodedata.normalize("NFC", text)) in names:
        return names.index(composed)
    if text in (numbers := [str(label) for label in range(len(names))]) and not any(map(str.isdecimal, names)):
        return numbers.index(text)
    more = ", …" if len(info.classes) > _MAX_LISTED else ""
    listed = ", ".join(info.classes[:_MAX_LISTED])
    raise UsageError(f"There is no class {text!r}.", f"The {len(info.classes)} classes are: {listed}{more}.")


def _shares(texts: list[str], info: DataInfo) -> tuple[float, ...]:
    """Read a blend, such as ``3:0.5`` and ``8:0.5``, as shares of all classes that add up to 1."""
    amounts = [0.0] * len(info.classes)
    for text in texts:
        name, colon, amount = text.rpartition(":")
        label = label_of(name.strip() if colon else text, info)
        try:
            amounts[label] += float(amount if colon else "")
        except ValueError:
            raise UsageError(f"{text!r} has no share.", "Write a blend as CLASS:SHARE,CLASS:SHARE.") from None
    total = math.fsum(amounts)
    if not (math.isfinite(total) and total > 0 and min(amounts) >= 0):
        raise UsageError(f"{','.join(texts)!r} is no blend.", "Its shares are positive numbers, as in 3:0.5,8:0.5.")
    return tuple(amount / total for amount in amounts)


def _all_shares(controls: Controls, info: DataInfo) -> tuple[float, ...]:
    """The share of every class in what is asked for; equal ones where nothing is."""
    if controls.shares:
        return controls.shares
    if controls.label is None:
        return (1 / len(info.classes),) * len(info.classes)
    label = label_of(controls.label, info)
    return tuple(float(number == label) for number in range(len(info.classes)))
