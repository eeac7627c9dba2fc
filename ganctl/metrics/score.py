"""A score: its name, its value, and what real images have."""

from dataclasses import dataclass

_LOWER_IS_BETTER = ("fid-", "kid-", "error-")


@dataclass(frozen=True)
class Score:
    """A measured value beside the one it is to be compared with.

    Attributes:
        name: ends with the extractor's name where one was needed: ``fid-digits-cnn``.
        value: the score of the model.
        held_out: the same score of held-out real images; None where there are none, or where it means nothing.
        meaning: what it measures, in a few words.
    """

    name: str
    value: float
    held_out: float | None
    meaning: str


def lower_is_better(name: str) -> bool:
    """Whether a score of this name is better where it is lower: distances and errors are, likenesses are not."""
    return name.startswith(_LOWER_IS_BETTER)


def rounded(value: float) -> float:
    """Round a score to four significant digits, which is more than it is sure of."""
    return float(f"{value:.4g}")
