"""Batches by number: batch 1,234 is the same whether or not the training was ever stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.cache.dataset import Columns, Dataset, TwoDatasets
from ganctl.data.info import ONE_SET, Needs
from ganctl.errors import DataError
from ganctl.seeds import RandomStream, mix

Batch = Mapping[str, Tensor]  # "images", or "a" and "b": [N, C, H, W] in [-1, 1]; and columns, such as "labels" [N]

_PREVIEW_IMAGES = 64  # held-out images of a single set in a preview
_PREVIEW_ROWS = 3  # and of each of two domains, one in a row


class Batches(Protocol):
    """Batches by number: the same number is always the same batch.

    Attributes:
        steps_per_epoch: full batches in a pass over the data.
        batch_size: images in a batch.
        description: how many images there are, in words.
    """

    steps_per_epoch: int
    batch_size: int
    description: str

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return the batch of a step, counted from 0 over all epochs."""

    def held_out(self, device: torch.device) -> Batch:
        """Return a few images that are never trained on, for the previews."""


class ShuffledBatches:
    """Batches of one set, or of several that are shuffled independently; images are cropped and mirrored at random.

    An epoch is as many images as the largest set has, in full batches; a smaller one begins anew within it, in another
    order. Order, crops and mirrors depend on the seed, the epoch and the position in it alone.

    Args:
        data: the sets. Training images that are larger than the held-out ones are cropped to their size.
        batch_size: images of each set in a batch, at most as many as the largest one has.
        seed: decides order, crops and mirrors.
        limit: use only the first so many training images of each set.
        hflip: whether half of the images are mirrored.
        needs: the names of the sets' images in a batch, and of the columns that come with those of a single set.

    Attributes:
        steps_per_epoch: full batches in the largest set.
        batch_size: images of each set in a batch.
        description: how many images there are, in words.

    Raises:
        DataError: one of these columns is neither of numbers nor of booleans.
    """

    def __init__(
        self,
        data: Dataset | TwoDatasets,
        batch_size: int,
        seed: int,
        limit: int | None = None,
        hflip: bool = False,
        needs: Needs = ONE_SET,
    ) -> None:
        alone = len(data.datasets) == 1
        for name in needs.columns if alone else ():
            _to_tensor(data.datasets[0].train_columns[name][:0], name)
        counts = [min(limit or len(dataset.train), len(dataset.train)) for dataset in data.datasets]
        self.batch_size = min(batch_size, max(counts))
        self.steps_per_epoch = max(counts) // self.batch_size
        self.description = data.describe(counts)
        count_per_epoch = self.steps_per_epoch * self.batch_size
        self._sets = [
            _SetBatches(
                dataset,
                name,
                needs.columns if alone else (),
                _Plans(seed, () if alone else (number,), count, count_per_epoch, _slack(dataset), hflip),
                _PREVIEW_IMAGES if alone else _PREVIEW_ROWS,
            )
            for number, (name, dataset, count) in enumerate(zip(needs.sets, data.datasets, counts, strict=True))
        ]

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return the batch of a step.

        By the names in `needs`: images [batch_size, C, H, W] in [-1, 1], channels-last in memory, and columns
        [batch_size, …], whole numbers as int64.
        """
        epoch, index = divmod(step, self.steps_per_epoch)
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return {name: tensor for part in self._sets for name, tensor in part.batch(epoch, rows, device).items()}

    def held_out(self, device: torch.device) -> Batch:
        """Return the first held-out images of each set, whole, and their columns.

        Where nothing could be held out, they are the middles of training images.
        """
        return {name: tensor for part in self._sets for name, tensor in part.held_out(device).items()}


@dataclass(frozen=True)
class _Plan:
    """An epoch of one set.

    Attributes:
        order: the number of the training image at each position [n].
        jitter: [n, 3]: top and left of its crop, and 1 to mirror it or 0. None where all images are taken as they are.
    """

    order: NDArray[np.int64]
    jitter: NDArray[np.int64] | None


class _Plans:
    """The epochs of one set: `count_per_epoch` positions, of the first `count` images.

    Args:
        seed: decides all of them.
        address: tells the set from others that are shuffled beside it.
        count: images in use.
        count_per_epoch: positions in an epoch.
        slack: pixels by which the images are larger than their crops.
        hflip: whether half of them are mirrored.
    """

    def __init__(
        self, seed: int, address: tuple[int, ...], count: int, count_per_epoch: int, slack: int, hflip: bool
    ) -> None:
        self._seed, self._address, self._slack, self._hflip = seed, address, slack, hflip
        self._count, self._count_per_epoch = count, count_per_epoch
        self._current: tuple[int, _Plan | None] = (-1, None)

    def of(self, epoch: int) -> _Plan:
        """Draw order, crops and mirrors of an epoch, or return those of the current one."""
        current, plan = self._current
        if plan is None or current != epoch:
            plan = _Plan(self._order(epoch), self._jitter(epoch) if self._slack or self._hflip else None)
            self._current = epoch, plan
        return plan

    def _order(self, epoch: int) -> NDArray[np.int64]:
        generator = np.random.default_rng(mix(self._seed, RandomStream.ORDER, *self._address, epoch))
        laps = [generator.permutation(self._count) for _ in range(-(-self._count_per_epoch // self._count))]
        return np.concatenate(laps)[: self._count_per_epoch]

    def _jitter(self, epoch: int) -> NDArray[np.int64]:
        generator = np.random.default_rng(mix(self._seed, RandomStream.JITTER, *self._address, epoch))
        corners = generator.integers(self._slack + 1, size=(self._count_per_epoch, 2))
        mirrored = generator.integers(2, size=(self._count_per_epoch, 1)) * int(self._hflip)
        return np.concatenate([corners, mirrored], 1)


@dataclass(frozen=True)
class _SetBatches:
    """One set's part of the batches.

    Attributes:
        data: the set.
        name: of its images.
        columns: the names of the columns that come with them.
        plans: of its epochs.
        previewed: images in a preview.
    """

    data: Dataset
    name: str
    columns: tuple[str, ...]
    plans: _Plans
    previewed: int

    def batch(self, epoch: int, rows: slice, device: torch.device) -> Batch:
        """Return some images of an epoch, and their columns."""
        plan = self.plans.of(epoch)
        order = plan.order[rows]
        images = _to_device(torch.from_numpy(self.data.train[order]), device)
        if plan.jitter is not None:
            jitter = _to_device(torch.from_numpy(plan.jitter[rows]), device)
            images = crop_and_flip(images, jitter, self.data.shape[1])
        return {self.name: _normalised(images), **self._columns(self.data.train_columns, order, device)}

    def held_out(self, device: torch.device) -> Batch:
        """Return the first held-out images, or the middles of training images, and their columns."""
        data, rows = self.data, slice(self.previewed)
        if len(data.test):
            images, columns = to_normalized_tensor(data.test[rows], device), data.test_columns
            return {self.name: images, **self._columns(columns, rows, device)}
        uint8_images = torch.from_numpy(np.array(data.train[rows])).to(device)
        if slack := _slack(data):
            middle = torch.tensor([[slack // 2, slack // 2, 0]], device=device).expand(len(uint8_images), 3)
            uint8_images = crop_and_flip(uint8_images, middle, data.shape[1])
        return {self.name: _normalised(uint8_images), **self._columns(data.train_columns, rows, device)}

    def _columns(self, columns: Columns, rows: slice | NDArray[np.int64], device: torch.device) -> Batch:
        return {name: _to_device(_to_tensor(columns[name][rows], name), device) for name in self.columns}


def _slack(dataset: Dataset) -> int:
    """The pixels by which training images are larger than what the nets see."""
    return int(dataset.train.shape[1]) - dataset.shape[1]


def column(columns: Columns, name: str, rows: slice | NDArray[np.int64] = slice(None)) -> Tensor:
    """Read rows of a column [n, …], and no others; whole numbers as int64, which indexes and counts.

    Args:
        columns: of a set.
        name: of the column; where there is none, nothing is read.
        rows: their numbers, all of them if not given.

    Raises:
        DataError: it is neither of numbers nor of booleans.
    """
    return _to_tensor(columns[name][rows], name) if name in columns else torch.empty(0)


def _to_tensor(rows: NDArray[Any], name: str) -> Tensor:
    """Copy rows of the column of a name; DataError as in `column`."""
    try:
        return torch.from_numpy(rows.astype(np.int64 if np.issubdtype(rows.dtype, np.integer) else rows.dtype))
    except TypeError:
        remedy = "A family that learns from it brings batches of its own."
        raise DataError(f"The column {name} is of {rows.dtype} and not of numbers or booleans.", remedy) from None


def crop_and_flip(images: Tensor, jitter: Tensor, size: int) -> Tensor:
    """Crop squares out of images and mirror some of them, in one gather on the device.

    Args:
        images: [N, H, W, C], any type.
        jitter: [N, 3] whole numbers: top, left, and 1 to mirror horizontally or 0.
        size: width and height of the squares.

    Returns:
        [N, size, size, C].
    """
    line = torch.arange(size, device=images.device)
    top, left, mirrored = jitter[:, None].unbind(2)  # [N, 1] each
    rows, columns = top + line, left + torch.where(mirrored > 0, line.flip(0), line)
    index = torch.arange(len(images), device=images.device)
    return images[index[:, None, None], rows[:, :, None], columns[:, None, :]]


def to_normalized_tensor(uint8_images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Convert uint8 images [N, H, W, C] to [N, C, H, W] in [-1, 1]; only bytes travel to the device."""
    return _normalised(_to_device(torch.from_numpy(np.array(uint8_images)), device))


def _to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Move a tensor; to a CUDA device from pinned memory, so that the copy waits for nothing that runs there."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _normalised(uint8_images: Tensor) -> Tensor:
    return uint8_images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
