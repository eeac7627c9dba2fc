"""The features of real images that generated ones are compared with, kept in the user's cache."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganctl import tasks, tensorfile
from ganctl.data.batches import column, to_normalized_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.cache.store import compute_once, user_cache
from ganctl.data.info import LABELS
from ganctl.errors import CheckpointError
from ganctl.evaluation.extractors.base import Extractor
from ganctl.files import atomic_file
from ganctl.metrics.distances import Statistics, frechet, kernel_distance
from ganctl.spacing import evenly_spaced
from ganctl.tensorfile import TensorFile

MAX_TRAIN_IMAGES = 60_000  # whose mean and covariance are taken
MAX_FEATURE_IMAGES = 10_000  # of the training images and of the held-out ones, where single features are compared
KERNEL_SUBSETS = 20  # of 1,000 features each, for the kernel distance
_CHUNK_IMAGES = 500
_CACHE_FORMAT = 2  # raise it when what is stored for the same images changes
_STORED = frozenset({"count", "mean", "covariance", "train", "held_out"})


@dataclass(frozen=True)
class Reference:
    """The features of a data set's real images.

    Attributes:
        extractor: the network that they come from.
        train_statistics: mean and covariance of the training images' features.
        train_features: features of evenly spaced training images [N, D], N at most `MAX_FEATURE_IMAGES`.
        held_out_features: features of held-out images [M, D], M at most `MAX_FEATURE_IMAGES`; empty where none are.
        labels: the extractor's classes of the held-out images [M]; empty where it does not know them.
    """

    extractor: Extractor
    train_statistics: Statistics
    train_features: Tensor
    held_out_features: Tensor
    labels: Tensor

    def distances(self, features: Tensor) -> Mapping[str, float]:
        """Compute the distances of features [N, D] to the training images': ``fid-…``, and ``kid-…`` of two or more."""
        distances = {f"fid-{self.extractor.name}": frechet(self.train_statistics, Statistics.of([features]))}
        if min(len(self.train_features), len(features)) > 1:
            kernel = kernel_distance(self.train_features, features, KERNEL_SUBSETS)
            distances[f"kid-{self.extractor.name}"] = kernel.mean
        return {name: float(f"{value:.6g}") for name, value in distances.items()}

    @cached_property
    def held_out_distances(self) -> Mapping[str, float]:
        """The distances of the held-out images, which no generator needs to beat; empty where there are too few."""
        return self.distances(self.held_out_features) if len(self.held_out_features) > 1 else {}


def load_reference(data: Dataset, extractor: Extractor) -> Reference:
    """Load the features of a data set's images from the cache, or compute and store them."""
    key = json.dumps([_CACHE_FORMAT, data.fingerprint, extractor.name, MAX_TRAIN_IMAGES, MAX_FEATURE_IMAGES])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = user_cache() / "features" / f"{data.name[:40]}-{extractor.name}-{digest}.safetensors"

    def make() -> Mapping[str, Tensor]:
        _store(path, tensors := _compute(data, extractor))
        return tensors

    try:
        tensors = compute_once(path, load=lambda: _load(path), make=make)
    except OSError:  # the cache cannot be written to: the next evaluation computes it again
        tensors = _compute(data, extractor)
    held_out = column(data.test_columns, LABELS, slice(len(tensors["held_out"])))
    statistics = Statistics(int(tensors["count"]), tensors["mean"], tensors["covariance"])
    labels = extractor.class_numbers(held_out, data.classes)
    return Reference(extractor, statistics, tensors["train"], tensors["held_out"], labels)


def images_to_extract(data: Dataset) -> int:
    """Count the images whose features a `load_reference` extracts if it is not in the cache."""
    again = min(len(data.train), MAX_TRAIN_IMAGES) if len(data.train) > MAX_FEATURE_IMAGES else 0
    return min(len(data.train), MAX_FEATURE_IMAGES) + again + min(len(data.test), MAX_FEATURE_IMAGES)


def _compute(data: Dataset, extractor: Extractor) -> Mapping[str, Tensor]:
    compared = list(_features(extractor, in_chunks(data.train, MAX_FEATURE_IMAGES)))
    if len(data.train) <= MAX_FEATURE_IMAGES:
        statistics = Statistics.of(compared)
    else:
        statistics = Statistics.of(_features(extractor, in_chunks(data.train, MAX_TRAIN_IMAGES)))
    held_out = _features(extractor, in_chunks(data.test[:MAX_FEATURE_IMAGES]))
    return {
        "count": torch.tensor(statistics.count),
        "mean": statistics.mean,
        "covariance": statistics.covariance,
        "train": torch.cat(compared),
        "held_out": torch.cat([torch.empty(0, len(statistics.mean)), *held_out]),
    }


def _features(extractor: Extractor, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
    for chunk in chunks:
        yield extractor.features(chunk)
        tasks.advance(len(chunk))


def in_chunks(uint8_images: NDArray[np.uint8], max_images: int | None = None) -> Iterator[Tensor]:
    """Yield images [N, H, W, C], or at most `max_images` evenly spaced ones, as tensors [n, C, H, W] in [-1, 1].

    A chunk fits into memory, however many and large the images are.
    """
    indices = evenly_spaced(len(uint8_images), max_images or len(uint8_images))
    for start in range(0, len(indices), _CHUNK_IMAGES):
        yield to_normalized_tensor(uint8_images[indices[start : start + _CHUNK_IMAGES]], torch.device("cpu"))


def subsample(uint8_images: NDArray[np.uint8], max_images: int) -> NDArray[np.uint8]:
    """Select at most `max_images` of the images [N, H, W, C], evenly spaced."""
    if len(uint8_images) <= max_images:
        return uint8_images
    selection: NDArray[np.uint8] = uint8_images[evenly_spaced(len(uint8_images), max_images)]
    return selection


def _load(path: Path) -> Mapping[str, Tensor] | None:
    """The tensors in the cache; None where there are none, or unusable ones."""
    try:
        tensors = tensorfile.read(path).tensors
    except CheckpointError:
        return None
    return tensors if set(tensors) >= _STORED else None


def _store(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write to the cache, where that is possible."""
    with suppress(OSError), atomic_file(path) as staged:
        tensorfile.write(staged, TensorFile(tensors, {}))
