"""What a source of pictures is: something that can be decoded, block by block."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import platformdirs
from numpy.typing import NDArray

from ganctl.threads import usable

Split = Literal["train", "test"]
T = TypeVar("T")
R = TypeVar("R")


class Block(NamedTuple):
    """Some decoded pictures.

    Attributes:
        images: levels [n, size, size, channels].
        labels: [n], or empty where the set has none.
        broken: files that could not be read, each with the reason.
        shorter: the shorter side in pixels of each as it was, or empty where all are drawn.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    broken: list[str]
    shorter: Sequence[int] = ()


class Source(ABC):
    """A set of pictures that can be decoded.

    Attributes:
        name: what runs are called after.
        skipped: files and folders that it has to do without before anything is decoded, each with the reason.
        notes: sentences on what is done with its files that is not to be expected.
    """

    name: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """What ``--data`` has to say to open it again, from anywhere."""
        return self.name

    @abstractmethod
    def identity(self) -> Any:
        """JSON that changes whenever decoding would give other pictures."""

    def directory(self) -> Path | None:
        """The folder that its picture files lie in; None where there is none without which it is of no use."""
        return None

    @abstractmethod
    def native_size(self) -> int | None:
        """The side of its pictures in pixels; None where they differ."""

    @abstractmethod
    def native_channels(self) -> int | None:
        """1 or 3; None where decoding has to tell."""

    def count(self) -> int | None:
        """How many pictures there are, held-out ones included; None where only decoding tells."""
        return None

    @abstractmethod
    def blocks(self, part: Split, size: int) -> Iterator[Block]:
        """Its pictures in a fixed order, native channels (3 where those are unknown)."""


def user_cache() -> Path:
    """Where downloads and decoded sets are kept: ``GANCTL_CACHE``, else the system's place for caches."""
    return Path(os.environ.get("GANCTL_CACHE") or platformdirs.user_cache_dir("ganctl"))


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Results in order, a few ahead of the one asked for, so that memory does not grow with the set."""
    workers = usable()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), 4 * workers):
            yield from pool.map(function, items[start : start + 4 * workers])
