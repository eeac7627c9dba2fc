"""Where a set of pictures comes from, and how it is decoded."""

import gzip
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pooch
from numpy.typing import NDArray

from ganctl import pictures
from ganctl.data import digits
from ganctl.data.download import Expected, download
from ganctl.errors import DataError
from ganctl.seeds import Stream, mix

Part = Literal["train", "test"]
T = TypeVar("T")
R = TypeVar("R")

_BLOCK = 500  # pictures decoded together
_HELD_OUT = 20  # of a folder, one picture in so many


class Block(NamedTuple):
    """Some decoded pictures.

    Attributes:
        images: levels [n, size, size, channels].
        labels: [n], or empty where the set has none.
        broken: files that could not be read, each with the reason.
        enlarged: how many had fewer pixels than asked for.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    broken: list[str]
    enlarged: int = 0


class Source(ABC):
    """A set of pictures that can be decoded. `name` is what runs are called after."""

    name: str

    @property
    def origin(self) -> str:
        """What ``--data`` has to say to open it again, from anywhere."""
        return self.name

    @abstractmethod
    def identity(self) -> Any:
        """JSON that changes whenever decoding would give other pictures."""

    @abstractmethod
    def native_size(self) -> int | None:
        """The side of its pictures in pixels; None where they differ."""

    @abstractmethod
    def native_channels(self) -> int | None:
        """1 or 3; None where decoding has to tell."""

    @abstractmethod
    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """Its pictures in a fixed order, native channels (3 where those are unknown)."""


@dataclass(frozen=True)
class IdxFiles(Source):
    """MNIST and its relatives: four gzipped IDX files (LeCun, Cortes and Burges 1998)."""

    name: str
    folder: Path
    checksums: tuple[str, ...]

    def identity(self) -> Any:
        """Its checksums, which were compared when it was opened."""
        return ["idx", *self.checksums]

    def native_size(self) -> int:
        """28 pixels."""
        return 28

    def native_channels(self) -> int:
        """Grey."""
        return 1

    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """60,000 training and 10,000 test pictures."""
        stem = {"train": "train", "test": "t10k"}[part]
        images = _read_idx(self.folder / f"{stem}-images-idx3-ubyte.gz")[..., None]
        labels = _read_idx(self.folder / f"{stem}-labels-idx1-ubyte.gz")
        for start in range(0, len(images), _BLOCK):
            chosen = slice(start, start + _BLOCK)
            yield Block(pictures.resize(images[chosen], size), labels[chosen], [])


@dataclass(frozen=True)
class Digits(Source):
    """The built-in handwriting: see `ganctl.data.digits`."""

    name: str = "digits"

    def identity(self) -> Any:
        """The version of the drawing code."""
        return ["digits", digits.VERSION]

    def native_size(self) -> int:
        """28 pixels."""
        return 28

    def native_channels(self) -> int:
        """Grey."""
        return 1

    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """60,000 training and 10,000 test pictures."""

        def draw(start: int) -> Block:
            images, labels = digits.draw(part, start, min(start + 4 * _BLOCK, digits.COUNTS[part]))
            return Block(pictures.resize(images[..., None], size), labels, [])

        yield from _in_parallel(draw, range(0, digits.COUNTS[part], 4 * _BLOCK))


@dataclass(frozen=True)
class Folder(Source):
    """A folder of pictures, at any depth and of any format that Pillow reads; a seeded 5 % is held out.

    Hidden files and folders are left out (macOS puts a ``._x.jpg`` beside every ``x.jpg``), and links to folders
    are not followed.
    """

    name: str
    root: Path
    files: tuple[Path, ...]
    limit: int | None = None

    @property
    def origin(self) -> str:
        """The whole path."""
        return str(self.root.resolve())

    def identity(self) -> Any:
        """Path, size and time of every file."""
        stats = [(path, path.stat()) for path in self.files]
        return [
            "folder",
            self.origin,
            self.limit,
            [(str(p.relative_to(self.root)), s.st_size, s.st_mtime_ns) for p, s in stats],
        ]

    def native_size(self) -> None:
        """Not known."""

    def native_channels(self) -> None:
        """Not known before all are decoded."""

    def blocks(self, part: Part, size: int) -> Iterator[Block]:
        """Its readable pictures, in the order of their paths."""
        order = np.random.default_rng(mix(0, Stream.HELD_OUT)).permutation(len(self.files))
        held_out = set(order[: len(self.files) // _HELD_OUT].tolist())
        chosen = [path for i, path in enumerate(self.files) if (i in held_out) == (part == "test")][: self.limit]

        def decode(start: int) -> Block:
            found, broken, enlarged = [], [], 0
            for path in chosen[start : start + 32]:
                try:
                    image, small = pictures.read_square(path, size)
                    found.append(image)
                    enlarged += small
                except OSError as error:
                    name = os.fsencode(path.relative_to(self.root)).decode(errors="backslashreplace")
                    broken.append(f"{name}: {error}")
            images = np.stack(found) if found else np.empty((0, size, size, 3), np.uint8)
            return Block(images, np.empty(0, np.uint8), broken, enlarged)

        yield from _in_parallel(decode, range(0, len(chosen), 32))


_IDX_FILES = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_IDX: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "mnist": (
        "MNIST",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion-mnist": (
        "FashionMNIST",
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}
NAMES = (*_IDX, "digits")


def user_cache() -> Path:
    """Where downloads and decoded sets are kept: ``GANCTL_CACHE``, else the system's place for caches."""
    return Path(os.environ.get("GANCTL_CACHE") or pooch.os_cache("ganctl"))


def source(data: str, limit: int | None = None) -> Source:
    """What ``--data`` means: a set's name, else a folder.

    Args:
        data: ``mnist``, ``fashion-mnist``, ``digits``, or the path of a folder of pictures.
        limit: use only the first so many pictures of a folder.

    Raises:
        DataError: it is neither, or it cannot be had.
    """
    if data == "digits":
        return Digits()
    if data in _IDX:
        return _idx(data)
    root = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if not data or not root.exists():
        raise DataError(f"There is no data {data!r}.", f"Name a folder of pictures, or one of: {', '.join(NAMES)}.")
    if not root.is_dir():
        raise DataError(f"{data} is a file.", "Name the folder that holds the pictures.")
    files = tuple(sorted(path for path in root.rglob("*") if _is_picture(path, root)))
    if not files:
        raise DataError(f"{data} holds no pictures.", "Name a folder of pictures, such as JPEG or PNG files.")
    return Folder(root.resolve().name.lstrip(".") or "pictures", root, files, limit)


def _is_picture(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.suffix.lower() in pictures.FORMATS and path.is_file()


def _idx(name: str) -> IdxFiles:
    """From ``GANCTL_DATA``, else the user's cache, else the network."""
    folder, mirrors, checksums = _IDX[name]
    own = os.environ.get("GANCTL_DATA")
    if own and all((Path(own) / folder / "raw" / file).exists() for file in _IDX_FILES):
        place = Path(own) / folder / "raw"
        for file, md5 in zip(_IDX_FILES, checksums, strict=True):
            if pooch.file_hash(str(place / file), alg="md5") != md5:
                raise DataError(f"{place / file} is damaged: its checksum is not {md5}.", "Fetch it anew.")
        return IdxFiles(name, place, checksums)
    place = user_cache() / "downloads" / folder / "raw"
    for file, md5 in zip(_IDX_FILES, checksums, strict=True):
        download([mirror + file for mirror in mirrors], place / file, Expected(f"md5:{md5}"))
    return IdxFiles(name, place, checksums)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file of bytes: magic number 0, 0, 8, dimensions, then their sizes, big-endian, then the bytes."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def _in_parallel(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Results in order, a few ahead of the one asked for, so that memory does not grow with the set."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), 4 * workers):
            yield from pool.map(function, items[start : start + 4 * workers])
