"""What an extractor is, and which one fits some pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganctl.images.grids import to_uint8

CHUNK = 250  # pictures at a time


@dataclass(frozen=True)
class Extractor:
    """Pictures → features, in which distances between sets of pictures are measured.

    Attributes:
        name: without which no score is told, for those of two extractors do not compare.
        input_format: what it makes of a picture first, in words.
        extract: pictures [N, C, H, W] in [-1, 1] → features [N, D] on the CPU.
        classify: features [N, D] → probabilities of classes [N, K], where it knows any.
    """

    name: str
    input_format: str
    extract: Callable[[Tensor], Tensor]
    classify: Callable[[Tensor], Tensor] | None = None

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures [N, C, H, W] in [-1, 1], rounded to the levels of a file → features [N, D], float32."""
        with torch.inference_mode():
            return torch.cat([self.extract(quantised(piece)).float() for piece in torch.split(pictures, CHUNK)])


def quantised(pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] in [-1, 1] as they come back from a file of eight bits."""
    return torch.from_numpy(to_uint8(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
