"""MNIST and its relatives: four gzipped IDX files (LeCun, Cortes and Burges 1998)."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganctl.data.cache.store import mark_folder_used, room_for, user_cache
from ganctl.data.fetch.download import Expected, download
from ganctl.data.info import LABELS
from ganctl.data.sources.base import Block, Source, Split
from ganctl.errors import DataError
from ganctl.files import make_folder
from ganctl.images import conversion

_IMAGES_PER_BLOCK = 500
_FILES = tuple(f"{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


class _KnownSet(NamedTuple):
    folder: str  # as torchvision calls it
    mirrors: tuple[str, ...]
    md5: tuple[str, ...]  # of `_FILES`
    classes: tuple[str, ...]  # in the order of their numbers in the files


_SETS = {
    "mnist": _KnownSet(
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
        tuple("0123456789"),
    ),
    "fashion-mnist": _KnownSet(
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
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
}
NAMES = tuple(_SETS)
FOLDERS = tuple(entry.folder for entry in _SETS.values())


@dataclass(frozen=True)
class IdxFiles(Source):
    """A set whose four IDX files are on this machine."""

    name: str
    folder: Path
    checksums: tuple[str, ...]
    classes: tuple[str, ...]

    def cache_key(self) -> Any:
        """The MD5 of each file, compared when the set was opened."""
        return ["idx", *self.checksums]

    def native_size(self) -> int:
        """28 pixels."""
        return 28

    def native_channels(self) -> int:
        """Grey."""
        return 1

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """60,000 training and 10,000 test pictures."""
        stem = {"train": "train", "test": "t10k"}[split]
        images = _read_idx(self.folder / f"{stem}-images-idx3-ubyte.gz")[..., None]
        labels = _read_idx(self.folder / f"{stem}-labels-idx1-ubyte.gz")
        for start in range(0, len(images), _IMAGES_PER_BLOCK):
            rows = slice(start, start + _IMAGES_PER_BLOCK)
            yield Block(conversion.resize(images[rows], size), {LABELS: labels[rows]})


def fetch(name: str) -> IdxFiles:
    """Open a set from ``GANCTL_DATA``, else from the user's cache, else download it.

    Args:
        name: one of `NAMES`.

    Raises:
        DataError: a file is damaged, or no mirror gave it.
        StorageError: there is no room for it, or the cache cannot be used.
    """
    entry = _SETS[name]
    user_data = os.environ.get("GANCTL_DATA")
    if user_data and all((Path(user_data) / entry.folder / "raw" / file).exists() for file in _FILES):
        folder = Path(user_data) / entry.folder / "raw"
        for file, md5 in zip(_FILES, entry.md5, strict=True):
            if not Expected(f"md5:{md5}").fits(folder / file):
                raise DataError(f"{folder / file} is damaged: its checksum is not {md5}.", "Fetch it anew.")
        return IdxFiles(name, folder, entry.md5, entry.classes)
    folder = user_cache() / "downloads" / entry.folder / "raw"
    with room_for(name):
        make_folder(folder)
    mark_folder_used(folder.parent)
    for file, md5 in zip(_FILES, entry.md5, strict=True):
        download([mirror + file for mirror in entry.mirrors], folder / file, Expected(f"md5:{md5}"))
    return IdxFiles(name, folder, entry.md5, entry.classes)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of bytes: magic number 0, 0, 8, dimensions, then their sizes, big-endian, then the bytes."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
