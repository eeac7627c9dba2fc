"""The data of a training: what is refused before a long decoding, and in which words."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganctl import gans
from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans.dataset import open_data
from tests.trainings import tiny


def test_nets_beyond_any_memory_are_refused_before_anything_is_decoded(photos: Path) -> None:
    dcgan, settings = gans.find("dcgan"), tiny(photos)
    for width in (10**10, 10**18, 2**63, 10**30, 10**400):
        with pytest.raises(UsageError, match="These nets are too large for any memory"):
            open_data(settings, dcgan, dcgan.options(width=width))


@pytest.mark.parametrize(
    "error",
    [
        TypeError("int is not a Module subclass"),
        TypeError("f() got an unexpected keyword argument 'overflow'"),
        RuntimeError("no such layer"),
        RuntimeError("the stack of styles overflowed"),
        OverflowError("math range error"),
    ],
    ids=str,
)
def test_a_mistake_in_a_familys_code_is_not_taken_for_a_lack_of_memory(photos: Path, error: Exception) -> None:
    def mistaken(options: Any, info: DataInfo) -> nn.Module:
        raise error

    family, settings = replace(gans.find("dcgan"), model=mistaken), tiny(photos)
    with pytest.raises(type(error), match=re.escape(str(error))):
        open_data(settings, family, family.options())


@pytest.mark.parametrize("size", [2**62, 2**63, 10**400])
@pytest.mark.parametrize(
    "make", [torch.empty, lambda n: torch.randn(n, n), lambda n: nn.Linear(n, n), lambda n: float(n**99)]
)
def test_every_way_in_which_a_size_overflows_is_a_lack_of_memory(photos: Path, make: Any, size: int) -> None:
    family = replace(gans.find("dcgan"), model=lambda options, info: make(size))
    with pytest.raises(UsageError, match="These nets are too large for any memory"):
        open_data(tiny(photos), family, family.options())
