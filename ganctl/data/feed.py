"""Batches by number: batch 1,234 is the same whether or not the training was ever stopped."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.cache import Dataset
from ganctl.seeds import Stream, mix

Batch = Mapping[str, Tensor]  # "images": [N, C, H, W] in [-1, 1]

_SHEET = 64  # held-out pictures for the progress sheet


class Feed(Protocol):
    """Batches by number: the same number is always the same batch."""

    steps_per_epoch: int

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of a step, counted from 0 over all epochs."""

    def held_out(self, device: torch.device) -> Batch:
        """A few pictures that are never trained on, for the progress sheet."""


class Images:
    """Batches of one set of pictures.

    An epoch is the full batches of a permutation that depends on the seed and the epoch alone.

    Attributes:
        steps_per_epoch: full batches in the training pictures.
        batch_size: pictures in one; at most as many as there are.
        count: training pictures in use.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int, limit: int | None = None) -> None:
        self._train, self._test, self._seed = dataset.train, dataset.test, seed
        self.count = min(limit or len(dataset.train), len(dataset.train))
        self.batch_size = min(batch_size, self.count)
        self.steps_per_epoch = self.count // self.batch_size
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of a step: images [batch_size, C, H, W] in [-1, 1], channels-last in memory."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:
            generator = np.random.default_rng(mix(self._seed, Stream.ORDER, epoch))
            self._order = epoch, generator.permutation(self.count)
        chosen = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        return {"images": normalised(self._train[chosen], device)}

    def held_out(self, device: torch.device) -> Batch:
        """The first held-out pictures; training pictures where nothing could be held out."""
        pictures = self._test if len(self._test) else self._train
        return {"images": normalised(pictures[:_SHEET], device)}


def normalised(levels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Levels [N, H, W, C] as values [N, C, H, W] in [-1, 1]; only bytes travel to the device."""
    images = torch.from_numpy(np.array(levels)).to(device).permute(0, 3, 1, 2)
    return images.float().div_(127.5).sub_(1)
