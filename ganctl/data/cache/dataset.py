"""`Dataset` and `TwoDatasets`: decoded sets, memory-mapped, so that a training's memory holds one batch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganctl import tasks
from ganctl.data.cache.decode import FORMAT, decode, map_file
from ganctl.data.cache.entries import remove_outdated
from ganctl.data.cache.integrity import is_whole
from ganctl.data.cache.store import compute_once, room_for, user_cache
from ganctl.data.info import DataInfo
from ganctl.data.resolve import DomainSources
from ganctl.data.sources.base import Source
from ganctl.errors import DataError
from ganctl.units import counted

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Dataset:
    """A decoded set, memory-mapped.

    Attributes:
        name: the source's.
        spec: the value of ``--data`` that opens the set again, from any working folder.
        train: uint8 images [N, load_size, load_size, channels] to train on.
        test: the held-out images, uint8 [N, size, size, channels].
        fingerprint: SHA-256 of all of it.
        broken: files that could not be read, each with the reason.
        enlarged: how many pictures were smaller than the size that the nets see.
        train_columns: name → what else is known of each training image: an array of N rows of numbers, booleans or
            text, memory-mapped, such as the ``labels`` [N].
        test_columns: likewise of the held-out images; empty where there are none.
        classes: the names of the classes; label i is the i-th of them. Empty where there are no labels.
    """

    name: str
    spec: str
    train: NDArray[np.uint8]
    test: NDArray[np.uint8]
    fingerprint: str
    broken: list[str]
    enlarged: int
    train_columns: Columns = field(default_factory=dict)
    test_columns: Columns = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    @property
    def datasets(self) -> tuple["Dataset"]:
        """Only itself; `TwoDatasets` has two."""
        return (self,)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a held-out image, and of what the nets see."""
        return self.test.shape[3], self.test.shape[1], self.test.shape[2]

    @property
    def info(self) -> DataInfo:
        """What nets are built for."""
        return DataInfo(self.shape, self.classes)

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of training and of held-out images."""
        return len(self.train), len(self.test)

    def describe(self, counts: Sequence[int]) -> str:
        """Say in words that so many of its training images are used."""
        return counted(counts[0], "picture")


@dataclass(frozen=True)
class TwoDatasets:
    """Two decoded sets without pairs, one of each domain.

    Attributes:
        name: the set's name.
        spec: the value of ``--data`` that opens both again, from any working folder.
        names: of the two domains.
        datasets: the set of each domain; both have as many channels.
    """

    name: str
    spec: str
    names: tuple[str, str]
    datasets: tuple[Dataset, Dataset]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what the nets see."""
        return self.datasets[0].shape

    @property
    def info(self) -> DataInfo:
        """What nets are built for."""
        return DataInfo(self.shape, domains=self.names)

    @property
    def counts(self) -> tuple[int, int]:
        """The number of training images of the larger domain, and of held-out images of both."""
        (train_a, test_a), (train_b, test_b) = (dataset.counts for dataset in self.datasets)
        return max(train_a, train_b), test_a + test_b

    def describe(self, counts: Sequence[int]) -> str:
        """Say in words that so many training images of each domain are used."""
        return " and ".join(f"{n:,} {name}" for n, name in zip(counts, self.names, strict=True)) + " pictures"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of both fingerprints."""
        return hashlib.sha256("".join(dataset.fingerprint for dataset in self.datasets).encode()).hexdigest()

    @property
    def broken(self) -> list[str]:
        """Files that could not be read, each with its domain and the reason."""
        domains = zip(self.names, self.datasets, strict=True)
        return [f"{name}: {file}" for name, dataset in domains for file in dataset.broken]

    @property
    def enlarged(self) -> int:
        """How many pictures of both domains were smaller than the size that the nets see."""
        return sum(dataset.enlarged for dataset in self.datasets)


def open_dataset(
    source: Source, size: int, channels: int | None, load_size: int | None = None, *, thorough: bool = False
) -> Dataset:
    """Open the decoded set of a source; decode it unless that was done before and is undamaged.

    Args:
        source: the pictures.
        size: width and height of the images, in pixels.
        channels: 1 grey, 3 RGB, None as the pictures are.
        load_size: width and height of the training images, where they are to be cropped later.
        thorough: compare all bytes of a set that was decoded before with its fingerprint, and not samples only.

    Raises:
        DataError: none of its pictures can be read.
        StorageError: the cache has no room for it, or cannot be used.
    """
    load_size = load_size or size
    key = json.dumps([FORMAT, source.cache_key(), size, channels, *([load_size] if load_size != size else [])])
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = user_cache() / "decoded" / f"{source.name[:40]}-{load_size}-{digest}"

    def make() -> Dataset:
        remove_outdated(FORMAT)
        with room_for(f"the decoded pictures of {source.name}", _max_bytes(source, load_size, channels)):
            decode(source, {"train": load_size, "test": size}, channels, folder)
        if (dataset := _load(source, folder)) is None:
            raise DataError(f"{folder} is changed by something else.", "Remove it, and try again.")
        return dataset

    with room_for(f"the decoded pictures of {source.name}"):
        return compute_once(
            folder,
            load=lambda: _load(source, folder, thorough),
            make=make,
            display=tasks.task(f"Decoding {source.name}", "pictures", source.count()),
        )


def open_domains(
    pair: DomainSources, size: int, channels: int | None, load_size: int, *, thorough: bool = False
) -> TwoDatasets:
    """Open the decoded sets of two domains; a grey one becomes RGB beside a coloured one.

    Args:
        pair: the pictures.
        size: width and height of what the nets see, and of the held-out images, in pixels.
        channels: 1 grey, 3 RGB, None as the pictures are.
        load_size: width and height of the training images, before they are cropped.
        thorough: see `open_dataset`.

    Raises:
        DataError: none of a domain's pictures can be read.
        StorageError: the cache has no room for them, or cannot be used.
    """
    datasets = [open_dataset(source, size, channels, load_size, thorough=thorough) for source in pair.sources]
    depth = max(dataset.shape[0] for dataset in datasets)
    a, b = (
        open_dataset(source, size, depth, load_size, thorough=thorough) if dataset.shape[0] < depth else dataset
        for source, dataset in zip(pair.sources, datasets, strict=True)
    )
    return TwoDatasets(pair.name, pair.spec, pair.names, (a, b))


def _max_bytes(source: Source, size: int, channels: int | None) -> int | None:
    """Bytes that decoding takes at most: RGB first, and then grey beside it where all pictures turn out to be grey."""
    depth = channels or source.native_channels() or 4
    return None if (count := source.count()) is None else count * size * size * depth


def _load(source: Source, folder: Path, thorough: bool = False) -> Dataset | None:
    """Map the set that a folder of the cache holds; None where it is missing or damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        if not is_whole(folder, meta, thorough):
            return None
        dtypes = meta["dtypes"]
        arrays = {name: map_file(folder / name, tuple(shape), dtypes[name]) for name, shape in meta["shapes"].items()}
        train_columns, test_columns = (
            {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
            for prefix in ("train-", "test-")
        )
        return Dataset(
            source.name,
            source.spec,
            arrays["train"],
            arrays["test"],
            meta["fingerprint"],
            [*source.skipped, *meta["broken"]],
            int(meta["enlarged"]),
            train_columns,
            test_columns,
            source.classes,
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
