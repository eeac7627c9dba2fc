"""The names in a line of ``log.jsonl``: a prefix says what each is, so that no reader guesses by lists of names.

loss/generator      the loss of each player
metric/accuracy     what the players' updates report: D(x), accuracy, cycle …
sample/diversity    statistics of generated samples beside those of real pictures, at an epoch's end
score/fid-…         the measured quality, at the epochs of ``--evaluate-every``

Losses and metrics are means over the steps since the line before. The names that verdicts, balance and charts listen
to are constants here; every other name is free.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ganctl.metrics.score import lower_is_better

LOSS, METRIC, SAMPLE, SCORE = "loss/", "metric/", "sample/", "score/"
KINDS = (LOSS, METRIC, SAMPLE, SCORE)

DISCRIMINATOR_LOSS = "loss/discriminator"
ACCURACY = "metric/accuracy"
OUTPUT_REAL = "metric/D(x)"
OUTPUTS_FAKE = ("metric/D(G(z))", "metric/D(G(x))")
LUMINANCE = "metric/luminance"
PLAYERS = ("generator", "discriminator")


def numbers(line: Mapping[str, Any]) -> dict[str, float]:
    """What is a finite number in a line that anything may stand in."""
    most = sys.float_info.max
    kinds = {name: value for name, value in line.items() if isinstance(value, int | float)}
    return {name: value for name, value in kinds.items() if not isinstance(value, bool) and -most <= value <= most}


def prefixed(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name as they stand in the log: ``{"generator": 1.3}`` → ``{"loss/generator": 1.3}``."""
    return {f"{kind}{name}": value for name, value in values.items()}


def of_kind(line: Mapping[str, Any], *kinds: str) -> dict[str, Any]:
    """The values of some kinds in a line, by their names without prefix."""
    return {name.removeprefix(kind): value for kind in kinds for name, value in line.items() if name.startswith(kind)}


def is_better(score: str, value: float, than: float) -> bool:
    """Whether a score, named without prefix, is better than it was: distances shrink, likenesses grow."""
    return value < than if lower_is_better(score) else value > than


def is_clearly_better(score: str, value: float, than: float, share: float) -> bool:
    """Whether a score is better by more than a share of what it was."""
    return is_better(score, value, than) and abs(value - than) > share * abs(than)


def best(lines: Iterable[Mapping[str, Any]]) -> tuple[int, str, float] | None:
    """The step of a log at which its first score was best, that score's name and value; None if there is none."""
    found: tuple[int, str, float] | None = None
    for line in lines:
        for name, value in of_kind(line, SCORE).items():
            if found is None or (name == found[1] and is_better(name, value, found[2])):
                found = int(line["step"]), name, value
    return found
