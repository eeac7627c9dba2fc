"""Batches by number: batch 1,234 is the same whether or not the training was ever stopped."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.seeds import RandomStream, mix
from ganctl.units import counted

Batch = Mapping[str, Tensor]  # "images", or "a" and "b": [N, C, H, W] in [-1, 1]

_PREVIEW_IMAGES = 64  # held-out images of a single set in a preview
PREVIEW_ROWS = 3  # and of each of two domains, one in a row


class Batches(Protocol):
    """Batches by number: the same number is always the same batch."""

    steps_per_epoch: int
    batch_size: int

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return the batch of a step, counted from 0 over all epochs."""

    def held_out(self, device: torch.device) -> Batch:
        """Return a few images that are never trained on, for the previews."""


class SingleBatches:
    """Batches of one set of images.

    An epoch is the full batches of a permutation that depends on the seed and the epoch alone.

    Args:
        dataset: the set.
        batch_size: images in a batch, at most as many as there are.
        seed: decides the order.
        limit: use only the first so many training images.

    Attributes:
        steps_per_epoch: full batches in the training images.
        batch_size: images in a batch; at most as many as there are.
        count: training images in use.
        description: how many there are, in words.
    """

    def __init__(self, dataset: Dataset, batch_size: int, seed: int, limit: int | None = None) -> None:
        self._train, self._test, self._seed = dataset.train, dataset.test, seed
        self.count = min(limit or len(dataset.train), len(dataset.train))
        self.batch_size = min(batch_size, self.count)
        self.steps_per_epoch = self.count // self.batch_size
        self.description = counted(self.count, "picture")
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return the batch of a step: images [batch_size, C, H, W] in [-1, 1], channels-last in memory."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if self._order[0] != epoch:
            generator = np.random.default_rng(mix(self._seed, RandomStream.ORDER, epoch))
            self._order = epoch, generator.permutation(self.count)
        rows = self._order[1][index * self.batch_size : (index + 1) * self.batch_size]
        return {"images": to_normalized_tensor(self._train[rows], device)}

    def held_out(self, device: torch.device) -> Batch:
        """Return the first held-out images; training images where nothing could be held out."""
        images = self._test if len(self._test) else self._train
        return {"images": to_normalized_tensor(images[:_PREVIEW_IMAGES], device)}


class UnpairedBatches:
    """Batches of two sets that are shuffled independently, their images cropped and mirrored at random.

    An epoch is as many images as the larger set has; the smaller one begins anew within it, in another order. Order
    and crops depend on the seed, the epoch and the position in it alone.

    Args:
        data: the two sets.
        batch_size: images of each in a batch, at most as many as the larger one has.
        seed: decides order, crops and mirrors.
        limit: use only the first so many images of each set.
        hflip: whether half of the images are mirrored.

    Attributes:
        steps_per_epoch: full batches in the larger set.
        batch_size: images of each set in a batch.
        description: how many there are, in words.
    """

    def __init__(
        self, data: TwoDatasets, batch_size: int, seed: int, limit: int | None = None, hflip: bool = True
    ) -> None:
        counts = [min(limit or len(dataset.train), len(dataset.train)) for dataset in data.datasets]
        self.batch_size = min(batch_size, max(counts))
        self.steps_per_epoch = max(counts) // self.batch_size
        self.description = (
            " and ".join(f"{n:,} {name}" for n, name in zip(counts, data.names, strict=True)) + " pictures"
        )
        images_per_epoch = self.steps_per_epoch * self.batch_size
        self._domains = {
            name: _DomainBatches(dataset, domain, count, images_per_epoch, seed, hflip)
            for domain, (name, dataset, count) in enumerate(zip("ab", data.datasets, counts, strict=True))
        }

    def batch(self, step: int, device: torch.device) -> Batch:
        """Return the batch of a step: ``a`` and ``b`` [batch_size, C, H, W] in [-1, 1]."""
        epoch, index = divmod(step, self.steps_per_epoch)
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return {name: batches.batch(epoch, rows, device) for name, batches in self._domains.items()}

    def held_out(self, device: torch.device) -> Batch:
        """Return the first held-out images of each set, whole; training images where nothing could be held out."""
        return {name: batches.held_out(device) for name, batches in self._domains.items()}


class _DomainBatches:
    """One domain's part of the batches: `images_per_epoch` images an epoch, of the first `count`."""

    def __init__(self, data: Dataset, domain: int, count: int, images_per_epoch: int, seed: int, hflip: bool) -> None:
        self._data, self._domain, self._count, self._images_per_epoch = data, domain, count, images_per_epoch
        self._seed, self._hflip = seed, hflip
        self._planned_epoch = -1
        self._order = np.empty(0, np.int64)
        self._jitter = np.empty((0, 3), np.int64)

    def batch(self, epoch: int, rows: slice, device: torch.device) -> Tensor:
        """Return some images of an epoch: [n, C, H, W] in [-1, 1]."""
        if self._planned_epoch != epoch:
            self._plan(epoch)
        uint8_images = _to_device(torch.from_numpy(self._data.train[self._order[rows]]), device)
        jitter = _to_device(torch.from_numpy(self._jitter[rows]), device)
        return _normalised(crop_and_flip(uint8_images, jitter, self._data.shape[1]))

    def held_out(self, device: torch.device) -> Tensor:
        """Return the first held-out images, or centre crops of training images: [n, C, H, W] in [-1, 1]."""
        data = self._data
        if len(data.test):
            return to_normalized_tensor(data.test[:PREVIEW_ROWS], device)
        uint8_images = torch.from_numpy(np.array(data.train[:PREVIEW_ROWS])).to(device)
        slack = uint8_images.shape[1] - data.shape[1]
        centre = torch.tensor([[slack // 2, slack // 2, 0]], device=device).expand(len(uint8_images), 3)
        return _normalised(crop_and_flip(uint8_images, centre, data.shape[1]))

    def _plan(self, epoch: int) -> None:
        """Draw order, crops and mirrors of an epoch."""
        order = np.random.default_rng(mix(self._seed, RandomStream.ORDER, self._domain, epoch))
        laps = [order.permutation(self._count) for _ in range(-(-self._images_per_epoch // self._count))]
        slack = self._data.train.shape[1] - self._data.shape[1]
        jitter = np.random.default_rng(mix(self._seed, RandomStream.JITTER, self._domain, epoch))
        corners = jitter.integers(slack + 1, size=(self._images_per_epoch, 2))
        mirrored = jitter.integers(2, size=(self._images_per_epoch, 1)) * int(self._hflip)
        self._order = np.concatenate(laps)[: self._images_per_epoch]
        self._jitter = np.concatenate([corners, mirrored], 1)
        self._planned_epoch = epoch


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
