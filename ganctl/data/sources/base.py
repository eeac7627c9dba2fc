"""`Source`: a set of pictures that can be decoded, block by block."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganctl.data.info import LABELS
from ganctl.threads import usable

Split = Literal["train", "test"]
T = TypeVar("T")
R = TypeVar("R")


class Block(NamedTuple):
    """A few decoded pictures.

    Attributes:
        images: uint8 [n, size, size, channels].
        columns: name → what else is known of each picture: an array of n rows of numbers, booleans or text, all of one
            shape. Objects are a ValueError.
        broken: files that could not be read, each with the reason.
        original_sizes: the shorter edge in pixels of each picture as it was, or empty where all are generated.
    """

    images: NDArray[np.uint8]
    columns: Mapping[str, NDArray[Any]] = {}
    broken: Sequence[str] = ()
    original_sizes: Sequence[int] = ()


class Source(ABC):
    """A set of pictures that can be decoded.

    Attributes:
        name: the set's name, from which a run's default name is made.
        skipped: files and folders that are left out before anything is decoded, each with the reason.
        warnings: sentences on files that are used in a way that a user may not expect.
        classes: the names of the classes of the column ``labels``; empty for a set without labels.
    """

    name: str
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What else is known of every picture: the names of the columns of a block."""
        return (LABELS,) if self.classes else ()

    @property
    def spec(self) -> str:
        """The value of ``--data`` that opens the set again, from any working folder."""
        return self.name

    @abstractmethod
    def cache_key(self) -> Any:
        """JSON that changes whenever decoding would give other pictures: a part of the cache key."""

    def directory(self) -> Path | None:
        """The folder of the picture files; a cached copy is of no use without it. None for a set without a folder."""
        return None

    @abstractmethod
    def native_size(self) -> int | None:
        """Width and height of every picture in pixels; None where they differ."""

    @abstractmethod
    def native_channels(self) -> int | None:
        """1 (grey) or 3 (RGB); None where only decoding tells."""

    def count(self) -> int | None:
        """The number of pictures of both splits; None where only decoding tells."""
        return None

    @abstractmethod
    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """Decode a split in a fixed order, with `native_channels` channels (3 where those are unknown)."""


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield results in order, computed a few ahead of the consumer, so that memory does not grow with the set."""
    workers = usable()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), 4 * workers):
            yield from pool.map(function, items[start : start + 4 * workers])
