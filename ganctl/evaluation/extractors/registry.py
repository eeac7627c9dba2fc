"""The choice of the feature extractor that fits a data set."""

from pathlib import Path
from typing import NamedTuple

import torch

from ganctl.errors import GanctlError, UsageError
from ganctl.evaluation.extractors import digits_cnn, inception
from ganctl.evaluation.extractors.base import Extractor

NAMES = ("digits-cnn", "inception")
_DIGIT_SETS = ("mnist", "digits")  # which digits-cnn was trained on


class ExtractorChoice(NamedTuple):
    """An extractor, or none and a sentence on what is missing."""

    extractor: Extractor | None
    missing: str = ""


def fits_digits(data: str) -> bool:
    """Whether ``--data`` names a set that `digits-cnn` was trained on, and no folder of such a name."""
    return data in _DIGIT_SETS


def choose_extractor(data: str, name: str | None, weights: Path | None, device: torch.device) -> ExtractorChoice:
    """Load the extractor of a name, or the one that fits.

    Args:
        data: the data set, as ``--data`` names it.
        name: of the extractor; None for the one that fits: `digits-cnn`, which needs no download, for the sets that it
            was trained on, else `inception`.
        weights: a file with Inception's weights.
        device: the device that Inception computes on.

    Raises:
        UsageError: there is no extractor of this name, or `weights` is not Inception's file.
        GanctlError: the extractor of this name cannot be had.
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
