"""What stands in a line of the log beside step and epoch, by kind, so that every page and table agrees on it.

losses      one for each player
readings    what the players say, as means over the steps since the line before: D(x), accuracy, cycle …
vitals      how generated pictures look beside real ones, at an epoch's end
figures     the measured quality, at the epochs of ``--evaluate-every``
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

PLAYERS = ("generator", "discriminator")
VITALS = ("diversity", "contrast", "repeats", "novelty", "checkerboard", "rarest")
_PLACES = ("step", "epoch")
_BETTER_LOW, _BETTER_HIGH = ("fid-", "kid-"), ("psnr-", "ssim-")


def numbers(line: Mapping[str, Any]) -> dict[str, float]:
    """What is a finite number in a line that anything may stand in."""
    most = sys.float_info.max
    kinds = {name: value for name, value in line.items() if isinstance(value, int | float)}
    return {name: value for name, value in kinds.items() if not isinstance(value, bool) and -most <= value <= most}


def is_figure(name: str) -> bool:
    """Whether it is a measured quality."""
    return name.startswith(_BETTER_LOW + _BETTER_HIGH)


def is_better(name: str, value: float, than: float) -> bool:
    """Whether a figure is better than it was: distances shrink, likenesses grow."""
    return value < than if name.startswith(_BETTER_LOW) else value > than


def is_clearly_better(name: str, value: float, than: float, share: float) -> bool:
    """Whether a figure is better by more than a share of what it was."""
    return is_better(name, value, than) and abs(value - than) > share * abs(than)


def losses(line: Mapping[str, Any]) -> dict[str, float]:
    """The players' losses."""
    return {name: value for name, value in line.items() if name in PLAYERS}


def readings(line: Mapping[str, Any]) -> dict[str, float]:
    """What is neither a loss nor measured on pictures."""
    others = (*_PLACES, *PLAYERS, *VITALS)
    return {name: value for name, value in line.items() if name not in others and not is_figure(name)}


def vitals(line: Mapping[str, Any]) -> dict[str, float]:
    """The progress sheet's vital signs."""
    return {name: line[name] for name in VITALS if name in line}


def figures(line: Mapping[str, Any]) -> dict[str, float]:
    """The measured qualities; the first is the one that a run's best checkpoint is chosen by."""
    return {name: value for name, value in line.items() if is_figure(name)}


def best(lines: Iterable[Mapping[str, Any]]) -> tuple[int, str, float] | None:
    """The step of a log at which its first figure was best, that figure's name and value; None if there is none."""
    found: tuple[int, str, float] | None = None
    for line in lines:
        for name, value in figures(line).items():
            if found is None or (name == found[1] and is_better(name, value, found[2])):
                found = int(line["step"]), name, value
    return found
