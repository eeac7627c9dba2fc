"""One measured score."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """A score with what it is to be compared with.

    Attributes:
        name: with the extractor's, where one was needed: ``fid-digits-cnn``.
        value: of the model.
        held_out: the same score of held-out real pictures; None where there are none, or where it has no meaning.
        meaning: what it says, in a few words.
    """

    name: str
    value: float
    held_out: float | None
    meaning: str


def rounded(value: float) -> float:
    """To four digits, which is more than the scores are sure of."""
    return float(f"{value:.4g}")
