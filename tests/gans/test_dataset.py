"""The data of a training: what is refused before a long decoding, and in which words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from ganctl import gans
from ganctl.data.info import DataInfo
from ganctl.errors import UsageError
from ganctl.gans.dataset import open_data
from tests.trainings import tiny


def test_nets_beyond_any_memory_are_refused_before_anything_is_decoded(photos: Path) -> None:
    dcgan, settings = gans.find("dcgan"), tiny(photos)
    for width in (10**18, 10**30):
        with pytest.raises(UsageError, match="These nets are too large for any memory"):
            open_data(settings, dcgan, dcgan.options(width=width))


@pytest.mark.parametrize("error", [TypeError("int is not a Module subclass"), RuntimeError("no such layer")])
def test_a_mistake_in_a_familys_code_is_not_taken_for_a_lack_of_memory(photos: Path, error: Exception) -> None:
    def mistaken(options: Any, info: DataInfo) -> nn.Module:
        raise error

    family, settings = replace(gans.find("dcgan"), model=mistaken), tiny(photos)
    with pytest.raises(type(error), match=str(error)):
        open_data(settings, family, family.options())
