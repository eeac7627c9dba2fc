"""Real pictures as an extractor sees them: what generated ones are measured against, kept in the user's cache."""

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

from ganctl import progress
from ganctl.data.batches import to_tensor
from ganctl.data.cache.dataset import Dataset
from ganctl.data.cache.store import compute_once, user_cache
from ganctl.errors import CheckpointError
from ganctl.evaluation.extractors.base import Extractor
from ganctl.files import atomic_file
from ganctl.metrics import Statistics, frechet, kernel_distance
from ganctl.runs import checkpoint
from ganctl.runs.checkpoint import TensorFile

LEARNT = 60_000  # training pictures at most whose mean and covariance are taken
SOME = 10_000  # of training and of held-out pictures at most, for what compares pictures one with one
SUBSETS = 20  # of 1,000 features each, for the kernel distance
_CHUNK = 500
_FORMAT = 1  # raise it when what is stored for the same pictures changes


@dataclass(frozen=True)
class Reference:
    """The features of real pictures.

    Attributes:
        extractor: whose.
        train_statistics: the mean and covariance of the training pictures' features.
        train_features: features of training pictures, evenly spaced [N, D], N at most `SOME`.
        held_out_features: features of held-out pictures [M, D], M at most `SOME`; none where nothing was held out.
        labels: the classes of these [M], or none.
    """

    extractor: Extractor
    train_statistics: Statistics
    train_features: Tensor
    held_out_features: Tensor
    labels: Tensor

    def distances(self, features: Tensor) -> Mapping[str, float]:
        """How far features [N, D] are from the training pictures': ``fid-…``, and ``kid-…`` of two or more."""
        found = {f"fid-{self.extractor.name}": frechet(self.train_statistics, Statistics.of([features]))}
        if min(len(self.train_features), len(features)) > 1:
            found[f"kid-{self.extractor.name}"] = kernel_distance(self.train_features, features, SUBSETS).mean
        return {name: float(f"{value:.6g}") for name, value in found.items()}

    @cached_property
    def held_out_distances(self) -> Mapping[str, float]:
        """The distances of the held-out pictures, which no generator needs to beat; empty where there are few."""
        return self.distances(self.held_out_features) if len(self.held_out_features) > 1 else {}


def reference(data: Dataset, extractor: Extractor) -> Reference:
    """The features of a set's pictures, computed now unless they were before."""
    key = json.dumps([_FORMAT, data.fingerprint, extractor.name, LEARNT, SOME])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = user_cache() / "features" / f"{data.name[:40]}-{extractor.name}-{digest}.safetensors"

    def make() -> Mapping[str, Tensor]:
        _keep(path, computed := _computed(data, extractor))
        return computed

    try:
        stored = compute_once(path, load=lambda: _stored(path), make=make)
    except OSError:  # the cache cannot be written to: the next evaluation computes it again
        stored = _computed(data, extractor)
    labels = torch.from_numpy(np.array(data.test_labels[: len(stored["held_out"])]))
    statistics = Statistics(int(stored["count"]), stored["mean"], stored["covariance"])
    return Reference(extractor, statistics, stored["some"], stored["held_out"], labels)


def _computed(data: Dataset, extractor: Extractor) -> Mapping[str, Tensor]:
    some = list(_features(extractor, in_pieces(data.train, SOME)))
    more = _features(extractor, in_pieces(data.train, LEARNT))
    learnt = Statistics.of(some if len(data.train) <= SOME else more)  # of few, each is looked at once
    held_out = _features(extractor, in_pieces(data.test[:SOME]))
    found = {"some": torch.cat(some), "held_out": torch.cat([torch.empty(0, len(learnt.mean)), *held_out])}
    return found | {"count": torch.tensor(learnt.count), "mean": learnt.mean, "covariance": learnt.covariance}


def pictures_to_extract(data: Dataset) -> int:
    """How many pictures an extractor has to look at for a `reference` that is not stored yet."""
    more = min(len(data.train), LEARNT) if len(data.train) > SOME else 0
    return min(len(data.train), SOME) + more + min(len(data.test), SOME)


def _features(extractor: Extractor, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
    for piece in pieces:
        yield extractor.features(piece)
        progress.advance(len(piece))


def in_pieces(levels: NDArray[np.uint8], most: int | None = None) -> Iterator[Tensor]:
    """Levels [N, H, W, C], or at most so many of them, evenly spaced, as pictures [n, C, H, W] in [-1, 1].

    So many at a time that memory holds them, however many and large they are.
    """
    numbers = _spaced(len(levels), most or len(levels))
    for start in range(0, len(numbers), _CHUNK):
        yield to_tensor(levels[numbers[start : start + _CHUNK]], torch.device("cpu"))


def spaced(levels: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """At most so many of the pictures, evenly spaced."""
    if len(levels) <= count:
        return levels
    chosen: NDArray[np.uint8] = levels[_spaced(len(levels), count)]
    return chosen


def _spaced(length: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, length - 1, min(length, count)).round().astype(np.int64)


def _stored(path: Path) -> Mapping[str, Tensor] | None:
    """What the cache holds; None where that is nothing usable."""
    try:
        stored = checkpoint.read(path).tensors
    except CheckpointError:
        return None
    return stored if {"count", "mean", "covariance", "some", "held_out"} <= set(stored) else None


def _keep(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write to the cache, where that can be."""
    with suppress(OSError), atomic_file(path) as staged:
        checkpoint.write(staged, TensorFile(tensors, {}))
