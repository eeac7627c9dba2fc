"""Name the values in a line of ``log.jsonl``: a prefix says the kind of each, so that no reader guesses.

loss/generator      the loss of each player
metric/accuracy     what the players' updates report: D(x), accuracy, cycle …
sample/diversity    statistics of generated samples beside those of real pictures, at an epoch's end
score/fid-…         the measured quality, at the epochs of ``--evaluate-every``

Losses and metrics are means over those steps since the line before that had them; the losses of a player that moves
several times in a step are added up first. The names that verdicts, balance and charts listen
to are constants here; every other name is free.
"""

from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ganctl.metrics.score import lower_is_better

LOSS, METRIC, SAMPLE, SCORE = "loss/", "metric/", "sample/", "score/"
KINDS = (LOSS, METRIC, SAMPLE, SCORE)

ACCURACY = "metric/accuracy"
OUTPUT_REAL = "metric/D(x)"
OUTPUTS_FAKE = ("metric/D(G(z))", "metric/D(G(x))")
DISCRIMINATOR_METRICS = (ACCURACY, OUTPUT_REAL, *OUTPUTS_FAKE)
LUMINANCE = "metric/luminance"
RELATIVE_COVERAGE = "sample/relative coverage"
ROLES: Mapping[str, str] = MappingProxyType({"generator": "generator", "discriminator": "discriminator"})
"""Role → the player that has it, as most families call theirs. Balance, verdicts and charts know roles only."""


class BestScore(NamedTuple):
    """The best value of a score, named without prefix, and the step at which it was measured."""

    step: int
    name: str
    value: float


def roles_of(players: Container[str], roles: Mapping[str, str]) -> dict[str, str]:
    """The roles whose players there are: ``generator`` and ``discriminator``, or fewer, each with its player."""
    return {role: roles[role] for role in ROLES if role in roles and roles[role] in players}


def prefixed(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names that they have in the log: ``{"generator": 1.3}`` → ``{"loss/generator": 1.3}``."""
    return {f"{kind}{name}": value for name, value in values.items()}


def of_kind(line: Mapping[str, Any], *kinds: str) -> dict[str, Any]:
    """The values in a line of the given kinds, by their names without prefix."""
    return {name.removeprefix(kind): value for kind in kinds for name, value in line.items() if name.startswith(kind)}


def is_better(score: str, value: float, than: float) -> bool:
    """Whether a score, named without prefix, is better than another value: lower for distances, else higher."""
    return value < than if lower_is_better(score) else value > than


def is_clearly_better(score: str, value: float, than: float, share: float) -> bool:
    """Whether a score is better than another value by more than a share of that."""
    return is_better(score, value, than) and abs(value - than) > share * abs(than)


def best(lines: Iterable[Mapping[str, Any]]) -> BestScore | None:
    """The best value of a log's first score; None where no score was measured. Of equal values the first is best."""
    best_score = None
    for line in lines:
        for name, value in of_kind(line, SCORE).items():
            if best_score is None or (name == best_score.name and is_better(name, value, best_score.value)):
                best_score = BestScore(int(line["step"]), name, value)
    return best_score
