"""The interface of a feature extractor: images → features, in which sets of images are compared."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganctl.images.grids import to_uint8

CHUNK_IMAGES = 250  # that are extracted together


@dataclass(frozen=True)
class Extractor:
    """A network that turns images into features.

    Attributes:
        name: part of every score's name, because scores of two extractors do not compare.
        input_format: how it converts an image first, in words.
        extract: images [N, C, H, W] in [-1, 1] → features [N, D] on the CPU.
        classify: features [N, D] → class probabilities [N, K]; None where it knows no classes.
        classes: the names of these; only labels of the same classes compare with them.
    """

    name: str
    input_format: str
    extract: Callable[[Tensor], Tensor]
    classify: Callable[[Tensor], Tensor] | None = None
    classes: tuple[str, ...] = ()

    def features(self, images: Tensor) -> Tensor:
        """Extract features [N, D], float32, from images [N, C, H, W] in [-1, 1], which are rounded to 8 bits first."""
        with torch.inference_mode():
            return torch.cat([self.extract(quantised(chunk)).float() for chunk in torch.split(images, CHUNK_IMAGES)])


def quantised(images: Tensor) -> Tensor:
    """Round images [N, C, H, W] in [-1, 1] as a file of 8 bits does."""
    return torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
