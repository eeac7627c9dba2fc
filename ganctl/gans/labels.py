"""What a family whose images have a class shares: ``--label`` by name or number, several, or all."""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.option import option

_MAX_LISTED = 20  # classes in a message


@dataclass(frozen=True)
class Controls:
    """What a trained model can be asked for."""

    label: str | None = option(None, "Class by name or number, several with commas, or all; without it, any.")


def rows(controls: Controls, info: DataInfo, generator: Generator) -> dict[str, Tensor]:
    """Return the label of one image, a whole number; a random one where none is asked for.

    Raises:
        UsageError: there is no such class.
    """
    if controls.label is None:
        return {"labels": torch.randint(len(info.classes), (), generator=generator)}
    return {"labels": torch.tensor(label_of(controls.label, info))}


def alternatives(controls: Controls, info: DataInfo) -> list[Controls]:
    """Return the controls of each label that is asked for.

    Raises:
        UsageError: there is no such class.
    """
    if controls.label is None or controls.label in info.classes:
        return [controls]
    if controls.label == "all":
        return [replace(controls, label=name) for name in info.classes]
    labels = [label_of(text.strip(), info) for text in controls.label.split(",")]
    return [replace(controls, label=info.classes[label]) for label in labels]


def label_of(text: str, info: DataInfo) -> int:
    """Return the label of a class, by its name, or else by its number.

    Raises:
        UsageError: there is no such class; they are listed.
    """
    if text in info.classes:
        return info.classes.index(text)
    if text.isdecimal() and int(text) < len(info.classes):
        return int(text)
    more = ", …" if len(info.classes) > _MAX_LISTED else ""
    listed = ", ".join(info.classes[:_MAX_LISTED])
    raise UsageError(f"There is no class {text!r}.", f"The {len(info.classes)} classes are: {listed}{more}.")
