"""Sample statistics: scores of generated images that need no feature extractor, relative to those of real images.

diversity     root mean square pixel distance between the images, over that of held-out images; 0 if all are alike
contrast      standard deviation of their values, over that of held-out images
repeats       share of the images that have a near-duplicate among them
novelty       median distance to the nearest training image, over that of held-out images; 0 for copies
checkerboard  energy at the frequencies of upsampling, over that of real images
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganctl.data.batches import to_normalized_tensor
from ganctl.evaluation.reference import in_chunks, subsample
from ganctl.metrics.images import checkerboard, diversity
from ganctl.metrics.manifold import nearest_neighbors
from ganctl.metrics.score import rounded

COMPARED_SIZE = 32  # pixels: larger images are reduced to this height and width before they are compared
MAX_REFERENCE_BYTES = 60_000_000  # of training images that others are compared with: all 60,000 of MNIST
MAX_REAL_IMAGES = 200  # real images that are measured, to divide the statistics of generated ones by
MAX_REAL_VALUES = 20_000_000  # values in these images, which bounds the memory
MIN_IMAGES = 16  # for all statistics but contrast and checkerboard
MIN_SPECTRUM_SIZE = 8  # pixels: smaller images have no spectrum to speak of
_DUPLICATE_DISTANCE = 0.25  # of real images' median distance to their nearest neighbour
_SMALLEST_UNIT = 1 / 255  # where a statistic of the real images is less than this, it counts as this
_UINT8_SCALE = 127.5  # steps of a uint8 image in a unit of [-1, 1]
_CPU = torch.device("cpu")


class SampleStats:
    """Measures generated images against the real images of one data set, or of two domains.

    Args:
        train: uint8 training images [N, H, W, C], an array for each domain.
        test: held-out ones, likewise. Where they are too few, training images stand in for them, and the novelty is
            relative to the distance of each of these to its nearest neighbour.
    """

    def __init__(self, train: Sequence[NDArray[np.uint8]], test: Sequence[NDArray[np.uint8]]) -> None:
        size = test[0].shape[1]  # training images may be larger, as they are cropped at random in training
        cropped = [images[:, :size, :size] for images in train]
        held_out = [len(images) >= MIN_IMAGES for images in test]
        sources = [b if enough else a for a, b, enough in zip(cropped, test, held_out, strict=True)]
        count = max(MIN_IMAGES, min(MAX_REAL_IMAGES, MAX_REAL_VALUES // int(np.prod(test[0].shape[1:]))))
        real = torch.cat([to_normalized_tensor(subsample(images, count), _CPU) for images in sources])
        self._checkerboard = checkerboard(real) if size >= MIN_SPECTRUM_SIZE else None
        self._contrast = max(contrast(real), _SMALLEST_UNIT)
        self._compares_images = len(train) == 1 and len(real) >= MIN_IMAGES
        if self._compares_images:
            spacing = nearest_neighbour_distances(real).median()
            self._diversity = max(diversity(reduced(real)), _SMALLEST_UNIT)
            self._duplicate_distance = _DUPLICATE_DISTANCE * spacing
            self._references = _reference_images(cropped[0])
            novelty = self._distance_to_training(real) if held_out[0] else spacing.item()
            self._novelty = max(novelty, _SMALLEST_UNIT)

    def measure(self, images: Tensor) -> Mapping[str, float]:
        """Measure images [N, C, H, W] in [-1, 1]: statistics by name, to four digits."""
        images = images.float().cpu()
        stats = {"contrast": contrast(images) / self._contrast}
        if self._compares_images and len(images) >= MIN_IMAGES:
            stats["diversity"] = diversity(reduced(images)) / self._diversity
            duplicates = nearest_neighbour_distances(images) < self._duplicate_distance
            stats["repeats"] = duplicates.float().mean().item()
            stats["novelty"] = self._distance_to_training(images) / self._novelty
        if self._checkerboard is not None:
            stats["checkerboard"] = checkerboard(images) / self._checkerboard
        return {name: rounded(value) for name, value in stats.items()}

    def _distance_to_training(self, images: Tensor) -> float:
        """The median distance of images to their nearest training image."""
        distances, _ = nearest_neighbors(_to_uint8(reduced(images)), self._references)
        return distances.median().item() / _UINT8_SCALE


def contrast(images: Tensor) -> float:
    """Compute the standard deviation of all values of images [N, C, H, W]."""
    return images.std().item()


def reduced(images: Tensor) -> Tensor:
    """Reduce images [N, C, H, W] to at most `COMPARED_SIZE` pixels in height and width."""
    height, width = images.shape[2:]
    if max(height, width) <= COMPARED_SIZE:
        return images
    return F.interpolate(images, (min(COMPARED_SIZE, height), min(COMPARED_SIZE, width)), mode="area")


def nearest_neighbour_distances(images: Tensor) -> Tensor:
    """Compute the distance of each image [N, C, H, W] to its nearest neighbour among the others: [N]."""
    rows = reduced(images).flatten(1).double()
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.fill_diagonal_(torch.inf).min(1).values


def _to_uint8(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as uint8 of the same shape: a quarter of the memory, and copies stay copies."""
    return images.add(1).mul(_UINT8_SCALE).round().clamp(0, 255).to(torch.uint8)


def _reference_images(train: NDArray[np.uint8]) -> Tensor:
    """Training images [N, H, W, C], reduced: all, or evenly spaced as many as `MAX_REFERENCE_BYTES` holds."""
    height, width = (min(size, COMPARED_SIZE) for size in train.shape[1:3])
    channels = train.shape[3]
    count = min(len(train), max(1, MAX_REFERENCE_BYTES // (height * width * channels)))
    references = torch.empty(count, channels, height, width, dtype=torch.uint8)
    start = 0
    for chunk in in_chunks(train, max_images=count):  # [n, C, H, W] in [-1, 1], evenly spaced
        references[start : start + len(chunk)] = _to_uint8(reduced(chunk))
        start += len(chunk)
    return references
