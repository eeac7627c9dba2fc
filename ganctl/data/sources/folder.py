"""Folders of pictures as sources: the files to train on, and those that are held out."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganctl.data.check import findings
from ganctl.data.sources import layout
from ganctl.data.sources.base import Block, Source, Split, in_parallel
from ganctl.errors import DataError
from ganctl.images import conversion, reading
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.seeds import RandomStream, mix
from ganctl.text import command, quote

LOWRES = "lowres"
_LOWRES_FACTOR = 4  # as in most papers on super-resolution
_PICTURES_PER_HELD_OUT = 20
_IMAGES_PER_BLOCK = 32
# What folders to train on and to test with are called: train and val, trainA and testA, train2017, test-set.
_TRAIN_NAME, _TEST_NAME = (
    re.compile(rf"({names})([-_. ]?(a|b|\d+|set|data|images|imgs))?", re.IGNORECASE)
    for names in ("train|training", "test|tests|testing|val|valid|validation|eval|evaluation|holdout|held[-_. ]?out")
)


@dataclass(frozen=True)
class FolderSource(Source):
    """Pictures below a folder, of any format that Pillow reads: some to train on, some held out."""

    name: str
    root: Path
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    limit: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """The absolute path."""
        return str(self.root.resolve())

    def cache_key(self) -> Any:
        """Path, size and time of every file."""
        stats = [[(path, path.stat()) for path in files] for files in (self.train, self.test)]
        rows = [[(str(p.relative_to(self.root)), s.st_size, s.st_mtime_ns) for p, s in files] for files in stats]
        return ["folder", self.spec, self.limit, self.max_megapixels, *rows]

    def directory(self) -> Path:
        """The folder itself."""
        return self.root

    def native_size(self) -> None:
        """Not known."""

    def native_channels(self) -> None:
        """Not known before all pictures are decoded."""

    def count(self) -> int:
        """All of its files."""
        return sum(len(files[: self.limit]) for files in (self.train, self.test))

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """Decode the readable pictures in the order of their paths, cropped to squares."""
        files = {"train": self.train, "test": self.test}[split][: self.limit]

        def decode(start: int) -> Block:
            decoded, broken, original_sizes = [], [], []
            for path in files[start : start + _IMAGES_PER_BLOCK]:
                try:
                    image, original_size = reading.read_square(path, size, self.max_megapixels)
                    decoded.append(image)
                    original_sizes.append(original_size)
                except OSError as error:
                    broken.append(_with_reason(self.root, path, str(error)))
            images = np.stack(decoded) if decoded else np.empty((0, size, size, 3), np.uint8)
            return Block(images, {}, broken, original_sizes)

        yield from in_parallel(decode, range(0, len(files), _IMAGES_PER_BLOCK))


@dataclass(frozen=True)
class Reduced(Source):
    """Another source's pictures at a quarter of their width and height, enlarged again."""

    original: Source

    @property
    def name(self) -> str:  # type: ignore[override]
        """The original's, and what was done to it."""
        return f"{self.original.name}-{LOWRES}"

    def cache_key(self) -> Any:
        """The original's, and what is done to it."""
        return [LOWRES, _LOWRES_FACTOR, self.original.cache_key()]

    def directory(self) -> Path | None:
        """The original's."""
        return self.original.directory()

    def native_size(self) -> int | None:
        """The original's."""
        return self.original.native_size()

    def native_channels(self) -> int | None:
        """The original's."""
        return self.original.native_channels()

    def count(self) -> int | None:
        """The original's."""
        return self.original.count()

    def blocks(self, split: Split, size: int) -> Iterator[Block]:
        """As many pictures as the original's."""
        for block in self.original.blocks(split, size):
            small = conversion.resize(block.images, max(1, size // _LOWRES_FACTOR))
            yield block._replace(images=conversion.resize(small, size))


def require_folder(data: str, known_sets: Sequence[str], contents: str) -> Path:
    """Return the folder that ``--data`` names.

    Args:
        data: its path.
        known_sets: the names of the sets that could have been meant.
        contents: what should be in it, in words.

    Raises:
        DataError: there is none.
    """
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if "://" in data and not path.exists():
        raise DataError(
            f"{data} is an address, and --data is a folder.", f"Fetch and unpack it: curl -LO {quote(data)}"
        )
    if not data or not path.exists():
        raise DataError(
            f"There is no data {data!r}.", f"Name a folder of pictures, or one of: {', '.join(known_sets)}."
        )
    if not path.is_dir():
        raise DataError(f"{data} is a file.", f"Name the folder that holds {contents}.")
    return path


def open_folder(root: Path, limit: int | None = None, max_megapixels: float = reading.MAX_MEGAPIXELS) -> FolderSource:
    """Open all the pictures below a folder, some of them held out.

    Args:
        root: the folder.
        limit: use only the first so many pictures of each split.
        max_megapixels: see `images.reading.decode`.

    Raises:
        DataError: there are none.
    """
    train = layout.read_folder(root)
    require_pictures(train, root, "Name a folder of pictures, such as JPEG or PNG files.")
    return from_layout(dataset_name(root), root, train, None, limit, max_megapixels)


def from_layout(
    name: str,
    root: Path,
    train: layout.Folder,
    test: layout.Folder | None,
    limit: int | None,
    max_megapixels: float,
) -> FolderSource:
    """Make a source of a folder to train on and one to test on.

    Args:
        name: what the source is called.
        root: the folder that both are in.
        train: the folder to train on.
        test: the folder to test on; where it is None or empty, the folders in `train` that are called so are held
            out, else a seeded 5 %.
        limit: use only the first so many pictures of each split.
        max_megapixels: see `images.reading.decode`.
    """
    files, held_out = train.paths, test.paths if test else ()
    folders = [folder for folder in (train, test) if folder]
    skipped = [_with_reason(root, path, reason) for folder in folders for path, reason in folder.unreadable]
    warnings = [message for folder in folders for message, _ in findings.left_out(folder)]
    if not held_out:
        test_folders = held_out_folders(train.path, files)
        files, held_out = split_files(files, test_folders)
        warnings += [findings.held_out_message(test_folders, len(held_out))] if test_folders else []
    return FolderSource(name, root, files, held_out, limit, max_megapixels, tuple(skipped), tuple(warnings))


def require_pictures(folder: layout.Folder, root: Path, remedy: str) -> None:
    """Raise DataError unless a folder holds pictures that can be trained on.

    Args:
        folder: the folder.
        root: what to call it.
        remedy: what to do.
    """
    if folder.error:
        raise DataError(f"{root} cannot be read: {folder.error}.", "Allow it: chmod -R u+rX")
    if folder.pictures:
        return
    if folder.unreadable:
        full_list = f"{command('ganctl', 'check', str(root))} --verbose names each"
        reasons = findings.list_skipped(findings.relative_names(folder.path, folder.unreadable), full_list)
        raise DataError(f"{root} holds no picture that can be read: {reasons}.", remedy)
    if folder.unnamed:
        raise DataError(f"{root} holds no file with a picture's ending.", findings.RENAME)
    raise DataError(f"{root} {'holds no pictures' if folder.exists else 'is no folder'}.", remedy)


def _with_reason(root: Path, path: Path, reason: str) -> str:
    """The name of a file that is not used, printable whatever bytes it is made of, and the reason."""
    return f"{os.fsencode(path.relative_to(root)).decode(errors='backslashreplace')}: {reason}"


def dataset_name(root: Path) -> str:
    """The name of the set that is in a folder."""
    return root.resolve().name.lstrip(".") or "pictures"


def held_out_folders(root: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """Find the folders below a root that are called test, val or the like, each beside one that is called train."""
    folders = {folder for file in files for folder in file.relative_to(root).parents} - {Path()}
    beside_train = {folder.parent for folder in folders if _TRAIN_NAME.fullmatch(folder.name)}
    matches = [folder for folder in folders if _TEST_NAME.fullmatch(folder.name) and folder.parent in beside_train]
    return tuple(root / folder for folder in sorted(matches))


def split_files(files: Sequence[Path], test: Sequence[Path] = ()) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Split files into those to train on and those to hold out: what is in the test folders, else a seeded 5 %."""
    if test:
        held_out = {i for i, path in enumerate(files) if any(path.is_relative_to(folder) for folder in test)}
    else:
        order = np.random.default_rng(mix(0, RandomStream.HELD_OUT)).permutation(len(files))
        held_out = set(order[: len(files) // _PICTURES_PER_HELD_OUT].tolist())
    train = tuple(path for i, path in enumerate(files) if i not in held_out)
    return train, tuple(path for i, path in enumerate(files) if i in held_out)
