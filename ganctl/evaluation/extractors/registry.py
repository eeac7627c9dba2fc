"""Which extractor fits some pictures, and what is missing where none does."""

from pathlib import Path
from typing import NamedTuple

import torch

from ganctl.errors import GanctlError, UsageError
from ganctl.evaluation.extractors import digits_cnn, inception
from ganctl.evaluation.extractors.base import Extractor

NAMES = ("digits-cnn", "inception")
_DIGITS = ("mnist", "digits")  # the sets that digits-cnn learned from


class ExtractorChoice(NamedTuple):
    """An extractor, or none and a sentence on what is missing."""

    extractor: Extractor | None
    missing: str = ""


def fits_digits(data: str) -> bool:
    """Whether what ``--data`` says is a set that `digits-cnn` learned from, and no folder that is called so."""
    return data in _DIGITS


def choose_extractor(data: str, name: str | None, weights: Path | None, device: torch.device) -> ExtractorChoice:
    """The extractor asked for, or the one that fits.

    Args:
        data: the set, as ``--data`` says it.
        name: of the extractor; None for the one that fits: `digits-cnn` for the sets that it learned from, which
            never needs a network, else `inception`.
        weights: a file with Inception's.
        device: where a large one is to compute.

    Raises:
        UsageError: no extractor is called that, or `weights` is not Inception's file.
        GanctlError: the one asked for cannot be had.
    """
    if name is not None and name not in NAMES:
        raise UsageError(f"There is no extractor {name!r}.", f"Choose among: {', '.join(NAMES)}.")
    if name == "digits-cnn" or (name is None and weights is None and fits_digits(data)):
        return ExtractorChoice(digits_cnn.extractor())
    try:
        return ExtractorChoice(inception.load(weights, device))
    except UsageError:
        raise
    except GanctlError as error:
        if name is not None or weights is not None:
            raise
        return ExtractorChoice(None, f"{error} Until then there are the scores that need no extractor.")
