"""Pictures in folders."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganctl import pictures
from ganctl.data.layout import pictures_below
from ganctl.data.source import Block, Part, Source, in_parallel
from ganctl.errors import DataError
from ganctl.seeds import Stream, mix
from ganctl.text import quote

LOWRES = "lowres"
_HELD_OUT = 20  # of a folder, one picture in so many
_DECODED = 32  # pictures decoded together
_REDUCTION = 4  # of the low-resolution side, as in most papers on enlarging pictures


@dataclass(frozen=True)
class Folder(Source):
    """Pictures below a folder, of any format that Pillow reads: some to learn from, some held out."""

    name: str
    root: Path
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    limit: int | None = None

    @property
    def origin(self) -> str:
        """The whole path."""
        return str(self.root.resolve())

    def identity(self) -> Any:
        """Path, size and time of every file."""
        stats = [[(path, path.stat()) for path in files] for files in (self.train, self.test)]
        listed = [[(str(p.relative_to(self.root)), s.st_size, s.st_mtime_ns) for p, s in part] for part in stats]
        return ["folder", self.origin, self.limit, *listed]

    def native_size(self) -> None:
        """Not known."""

    def native_channels(self) -> None:
        """Not known before all are decoded."""

    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """Its readable pictures, in the order of their paths."""
        chosen = {"train": self.train, "test": self.test}[part][: self.limit]

        def decode(start: int) -> Block:
            found, broken, shorter = [], [], []
            for path in chosen[start : start + _DECODED]:
                try:
                    image, side = pictures.read_square(path, size)
                    found.append(image)
                    shorter.append(side)
                except OSError as error:
                    name = os.fsencode(path.relative_to(self.root)).decode(errors="backslashreplace")
                    broken.append(f"{name}: {error}")
            images = np.stack(found) if found else np.empty((0, size, size, 3), np.uint8)
            return Block(images, np.empty(0, np.uint8), broken, shorter)

        yield from in_parallel(decode, range(0, len(chosen), _DECODED))


@dataclass(frozen=True)
class Reduced(Source):
    """Another source's pictures, reduced to a quarter of each side and enlarged again."""

    original: Source

    @property
    def name(self) -> str:  # type: ignore[override]
        """With what was done to them."""
        return f"{self.original.name}-{LOWRES}"

    def identity(self) -> Any:
        """The original's, and what is done to it."""
        return [LOWRES, _REDUCTION, self.original.identity()]

    def native_size(self) -> int | None:
        """The original's."""
        return self.original.native_size()

    def native_channels(self) -> int | None:
        """The original's."""
        return self.original.native_channels()

    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """As many pictures as the original's."""
        for block in self.original.blocks(part, size):
            small = pictures.resize(block.images, max(1, size // _REDUCTION))
            yield block._replace(images=pictures.resize(small, size))


def path_of(data: str, names: Sequence[str], holds: str) -> Path:
    """The folder that ``--data`` names.

    Args:
        data: its path.
        names: of the sets that could have been meant.
        holds: what should be in it, in words.

    Raises:
        DataError: there is none.
    """
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if "://" in data and not path.exists():
        raise DataError(
            f"{data} is an address, and --data is a folder.", f"Fetch and unpack it: curl -LO {quote(data)}"
        )
    if not data or not path.exists():
        raise DataError(f"There is no data {data!r}.", f"Name a folder of pictures, or one of: {', '.join(names)}.")
    if not path.is_dir():
        raise DataError(f"{data} is a file.", f"Name the folder that holds {holds}.")
    return path


def whole(root: Path, limit: int | None = None) -> Folder:
    """All the pictures below a folder, some of them held out.

    Raises:
        DataError: there are none.
    """
    files = pictures_below(root)
    if not files:
        raise DataError(f"{root} holds no pictures.", "Name a folder of pictures, such as JPEG or PNG files.")
    return Folder(name_of(root), root, *split(files), limit)


def name_of(root: Path) -> str:
    """What a folder's set is called."""
    return root.resolve().name.lstrip(".") or "pictures"


def split(files: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Files to learn from, and a seeded 5 % to hold out."""
    order = np.random.default_rng(mix(0, Stream.HELD_OUT)).permutation(len(files))
    held_out = set(order[: len(files) // _HELD_OUT].tolist())
    parts = [tuple(path for i, path in enumerate(files) if (i in held_out) == test) for test in (False, True)]
    return parts[0], parts[1]
