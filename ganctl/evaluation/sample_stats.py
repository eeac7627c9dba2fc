"""The sample statistics of generated pictures: scores that need no extractor, each beside that of real pictures.

diversity     how far the pictures are from each other, over how far held-out pictures are; 0 where all are alike
contrast      the spread of their values over that of held-out pictures
repeats       the share of them that have a twin among them
novelty       the median distance to the nearest training picture, over that of held-out pictures; 0 for copies
checkerboard  how far their spectrum stands out at the frequencies of upsampling, over how far that of real ones does
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.batches import to_tensor
from ganctl.evaluation.reference import in_pieces, spaced
from ganctl.metrics.images import checkerboard, diversity
from ganctl.metrics.manifold import nearest
from ganctl.metrics.score import rounded

SIDE = 32  # pixels to which larger pictures are reduced before they are compared with each other
REFERENCES = 60_000_000  # bytes at most of the training pictures that they are compared with: all 60,000 of MNIST
HELD_OUT = 20_000_000  # values at most of real pictures, …
SOME = 200  # … and so many of them at most, for the same scores of them
LEAST = 8  # pixels of a side below which there is no spectrum to speak of
ENOUGH = 16  # pictures below which only their contrast and spectrum are looked at
_TWIN = 0.25  # of real pictures' median distance to their nearest neighbour: nearer is a twin
_LEVEL = 1 / 255  # what is less of real pictures counts as this much
_LEVELS = 127.5  # in a byte, for each unit of a picture's values
_CPU = torch.device("cpu")


class SampleStats:
    """The sample statistics of pictures that a model draws of some data.

    Args:
        train: levels [N, H, W, C] of the pictures that it learns from, of each set one array.
        test: levels of held-out ones, likewise; where they are too few, training pictures stand in, and for the
            novelty the distance of each of these to the nearest other.
    """

    def __init__(self, train: Sequence[NDArray[np.uint8]], test: Sequence[NDArray[np.uint8]]) -> None:
        side = test[0].shape[1]
        learnt = [levels[:, :side, :side] for levels in train]
        real = [held if len(held) >= ENOUGH else seen for seen, held in zip(learnt, test, strict=True)]
        values = int(np.prod(test[0].shape[1:]))
        few = max(ENOUGH, min(SOME, HELD_OUT // values))
        pictures = torch.cat([to_tensor(spaced(levels, few), _CPU) for levels in real])
        self._checkerboard = checkerboard(pictures) if side >= LEAST else None
        self._contrast = max(contrast(pictures), _LEVEL)
        self._single = len(train) == 1 and len(pictures) >= ENOUGH
        if self._single:
            apart = nearest_other(pictures).median()
            self._diversity = max(diversity(reduced(pictures)), _LEVEL)
            self._twin = _TWIN * apart
            self._references = _references(learnt[0])
            novelty = self._to_nearest(pictures) if real[0] is test[0] else apart.item()
            self._novelty = max(novelty, _LEVEL)

    def measure(self, pictures: Tensor) -> Mapping[str, float]:
        """The sample statistics of pictures [N, C, H, W] in [-1, 1], to four digits."""
        pictures = pictures.float().cpu()
        found = {"contrast": contrast(pictures) / self._contrast}
        if self._single and len(pictures) >= ENOUGH:
            found["diversity"] = diversity(reduced(pictures)) / self._diversity
            found["repeats"] = (nearest_other(pictures) < self._twin).float().mean().item()
            found["novelty"] = self._to_nearest(pictures) / self._novelty
        if self._checkerboard is not None:
            found["checkerboard"] = checkerboard(pictures) / self._checkerboard
        return {name: rounded(value) for name, value in found.items()}

    def _to_nearest(self, pictures: Tensor) -> float:
        """The median distance of pictures to their nearest training picture."""
        return nearest(_as_bytes(reduced(pictures)), self._references)[0].median().item() / _LEVELS


def contrast(pictures: Tensor) -> float:
    """The standard deviation of all values of pictures [N, C, H, W]."""
    return pictures.std().item()


def reduced(pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] with no side beyond `SIDE` pixels."""
    height, width = pictures.shape[2:]
    if max(height, width) <= SIDE:
        return pictures
    return F.interpolate(pictures, (min(SIDE, height), min(SIDE, width)), mode="area")


def _as_bytes(pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] in [-1, 1] as bytes of the same shape: a quarter of the memory, and copies stay copies."""
    return pictures.add(1).mul(_LEVELS).round().clamp(0, 255).to(torch.uint8)


def _references(learnt: NDArray[np.uint8]) -> Tensor:
    """Training pictures [N, H, W, C], reduced: all of them, or evenly spaced as many as memory can well spare."""
    height, width = (min(side, SIDE) for side in learnt.shape[1:3])
    channels = learnt.shape[3]
    count = min(len(learnt), max(1, REFERENCES // (height * width * channels)))
    references = torch.empty(count, channels, height, width, dtype=torch.uint8)
    start = 0
    for piece in in_pieces(learnt, count):
        references[start : start + len(piece)] = _as_bytes(reduced(piece))
        start += len(piece)
    return references


def nearest_other(pictures: Tensor) -> Tensor:
    """The distance [N] of each of the pictures [N, C, H, W] to the one of the others that is most like it."""
    small = reduced(pictures).flatten(1).double()
    distances = torch.cdist(small, small, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.fill_diagonal_(torch.inf).min(1).values
