"""Batches by number: batch 1,234 is the same whether or not the training was ever stopped."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.cache.dataset import Dataset
from ganctl.data.domains import TwoDatasets
from ganctl.seeds import Stream, mix
from ganctl.units import counted

Batch = Mapping[str, Tensor]  # "images", or "a" and "b": [N, C, H, W] in [-1, 1]

_SHEET = 64  # held-out pictures for the progress sheet
PREVIEW_ROWS = 3  # and of each of two domains, one in a row


class Batches(Protocol):
    """Batches by number: the same number is always the same batch."""

    steps_per_epoch: int
    batch_size: int

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of a step, counted from 0 over all epochs."""

    def held_out(self, device: torch.device) -> Batch:
        """A few pictures that are never trained on, for the progress sheet."""


class SingleBatches:
    """Batches of one set of pictures.

    An epoch is the full batches of a permutation that depends on the seed and the epoch alone.

    Attributes:
        steps_per_epoch: full batches in the training pictures.
        batch_size: pictures in one; at most as many as there are.
        count: training pictures in use.
        contents: how many there are, in words.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int, limit: int | None = None) -> None:
        self._train, self._test, self._seed = dataset.train, dataset.test, seed
        self.count = min(limit or len(dataset.train), len(dataset.train))
        self.batch_size = min(batch_size, self.count)
        self.steps_per_epoch = self.count // self.batch_size
        self.contents = counted(self.count, "picture")
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of a step: images [batch_size, C, H, W] in [-1, 1], channels-last in memory."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:
            generator = np.random.default_rng(mix(self._seed, Stream.ORDER, epoch))
            self._order = epoch, generator.permutation(self.count)
        chosen = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        return {"images": to_tensor(self._train[chosen], device)}

    def held_out(self, device: torch.device) -> Batch:
        """The first held-out pictures; training pictures where nothing could be held out."""
        pictures = self._test if len(self._test) else self._train
        return {"images": to_tensor(pictures[:_SHEET], device)}


class UnpairedBatches:
    """Batches of two sets that are shuffled independently, their pictures cropped and mirrored at random.

    An epoch is as many pictures as the larger set has; the smaller one begins anew within it, in another order.
    What is chosen and how it is cropped depends on the seed, the epoch and the place in it alone.

    Args:
        data: the two sets.
        batch_size: pictures of each in a batch, at most as many as the larger one has.
        seed: decides order, crops and mirrors.
        limit: use only the first so many pictures of each set.
        hflip: whether half of the pictures are mirrored.

    Attributes:
        steps_per_epoch: full batches in the larger set.
        batch_size: pictures of each in one.
        contents: how many there are, in words.
    """

    def __init__(
        self, data: TwoDatasets, batch_size: int, seed: int, limit: int | None = None, hflip: bool = True
    ) -> None:
        counts = [min(limit or len(side.train), len(side.train)) for side in data.datasets]
        self.batch_size = min(batch_size, max(counts))
        self.steps_per_epoch = max(counts) // self.batch_size
        self.contents = " and ".join(f"{n:,} {name}" for n, name in zip(counts, data.names, strict=True)) + " pictures"
        length = self.steps_per_epoch * self.batch_size
        self._sides = [
            _Side(side, number, count, length, seed, hflip)
            for number, (side, count) in enumerate(zip(data.datasets, counts, strict=True))
        ]

    def batch(self, step: int, device: torch.device) -> Batch:
        """The batch of a step: ``a`` and ``b`` [batch_size, C, H, W] in [-1, 1]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        chosen = slice(place * self.batch_size, (place + 1) * self.batch_size)
        return {name: side.batch(epoch, chosen, device) for name, side in zip("ab", self._sides, strict=True)}

    def held_out(self, device: torch.device) -> Batch:
        """The first held-out pictures of each set, whole; training pictures where nothing could be held out."""
        return {name: side.held_out(device) for name, side in zip("ab", self._sides, strict=True)}


class _Side:
    """One set's part of the batches, `length` pictures an epoch."""

    def __init__(self, data: Dataset, number: int, count: int, length: int, seed: int, hflip: bool) -> None:
        self._data, self._number, self._count, self._length = data, number, count, length
        self._seed, self._hflip = seed, hflip
        self._planned = -1
        self._order = np.empty(0, np.int64)
        self._jitter = np.empty((0, 3), np.int64)

    def batch(self, epoch: int, chosen: slice, device: torch.device) -> Tensor:
        """Some places of an epoch: [n, C, H, W] in [-1, 1]."""
        if self._planned != epoch:
            self._plan(epoch)
        levels = torch.from_numpy(self._data.train[self._order[chosen]]).to(device)
        return _as_values(crop_and_flip(levels, torch.from_numpy(self._jitter[chosen]).to(device), self._data.shape[1]))

    def held_out(self, device: torch.device) -> Tensor:
        """The first held-out pictures, or the middles of training pictures: [n, C, H, W] in [-1, 1]."""
        data = self._data
        if len(data.test):
            return to_tensor(data.test[:PREVIEW_ROWS], device)
        levels = torch.from_numpy(np.array(data.train[:PREVIEW_ROWS])).to(device)
        slack = levels.shape[1] - data.shape[1]
        centre = torch.tensor([[slack // 2, slack // 2, 0]], device=device).expand(len(levels), 3)
        return _as_values(crop_and_flip(levels, centre, data.shape[1]))

    def _plan(self, epoch: int) -> None:
        """Order, crops and mirrors of an epoch."""
        order = np.random.default_rng(mix(self._seed, Stream.ORDER, self._number, epoch))
        laps = [order.permutation(self._count) for _ in range(-(-self._length // self._count))]
        slack = self._data.train.shape[1] - self._data.shape[1]
        jitter = np.random.default_rng(mix(self._seed, Stream.JITTER, self._number, epoch))
        places = jitter.integers(slack + 1, size=(self._length, 2))
        mirrors = jitter.integers(2, size=(self._length, 1)) * int(self._hflip)
        self._order, self._jitter = np.concatenate(laps)[: self._length], np.concatenate([places, mirrors], 1)
        self._planned = epoch


def crop_and_flip(levels: Tensor, jitter: Tensor, size: int) -> Tensor:
    """Squares of pictures, some of them mirrored, in one gather on the device.

    Args:
        levels: [N, H, W, C], any type.
        jitter: [N, 3] whole numbers: top, left, and 1 to hflip or 0.
        size: side of the squares.

    Returns:
        [N, size, size, C].
    """
    line = torch.arange(size, device=levels.device)
    top, left, mirrored = jitter[:, None].unbind(2)  # [N, 1] each
    rows, columns = top + line, left + torch.where(mirrored > 0, line.flip(0), line)
    pictures = torch.arange(len(levels), device=levels.device)
    return levels[pictures[:, None, None], rows[:, :, None], columns[:, None, :]]


def to_tensor(levels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Levels [N, H, W, C] as values [N, C, H, W] in [-1, 1]; only bytes travel to the device."""
    return _as_values(torch.from_numpy(np.array(levels)).to(device))


def _as_values(levels: Tensor) -> Tensor:
    return levels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
