"""Folders of pictures as sources: the files to train on, and those that are held out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganctl.data.check import findings
from ganctl.data.info import LABELS
from ganctl.data.sources import labels, layout
from ganctl.data.sources.base import Block, Source, Split, in_parallel
from ganctl.data.sources.splits import held_out_folders, split_files
from ganctl.errors import DataError
from ganctl.images import conversion, reading
from ganctl.images.reading import MAX_MEGAPIXELS
from ganctl.text import command, quote

LOWRES = "lowres"
_LOWRES_FACTOR = 4  # as in most papers on super-resolution
_IMAGES_PER_BLOCK = 32


@dataclass(frozen=True)
class FolderSource(Source):
    """Pictures below a folder, of any format that Pillow reads: some to train on, some held out.

    Attributes:
        root: the folder.
        train: the pictures to train on.
        test: those that are held out.
        limit: how many of each are used at most.
        max_megapixels: see `images.reading.decode`.
        labels_by_path: the label of each of them; empty where there are none.
    """

    name: str
    root: Path
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    limit: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    labels_by_path: Mapping[Path, int] = field(default_factory=dict)

    @property
    def spec(self) -> str:
        """The absolute path."""
        return str(self.root.resolve())

    def cache_key(self) -> Any:
        """Path, size and time of every file; the names of the classes and the labels, where there are any."""
        stats = [[(path, path.stat()) for path in files] for files in (self.train, self.test)]
        rows = [[(str(p.relative_to(self.root)), s.st_size, s.st_mtime_ns) for p, s in files] for files in stats]
        numbers = [[self.labels_by_path[path] for path in files] for files in (self.train, self.test) if self.classes]
        named = [self.classes, numbers] if self.classes else []
        return ["folder", self.spec, self.limit, self.max_megapixels, *rows, *named]

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
        """Decode the readable pictures in the order of `train` or `test`, cropped to squares."""
        files = {"train": self.train, "test": self.test}[split][: self.limit]

        def decode(start: int) -> Block:
            decoded, used, broken, original_sizes = [], [], [], []
            for path in files[start : start + _IMAGES_PER_BLOCK]:
                try:
                    image, original_size = reading.read_square(path, size, self.max_megapixels)
                    decoded.append(image)
                    used.append(path)
                    original_sizes.append(original_size)
                except OSError as error:
                    broken.append(_with_reason(self.root, path, str(error)))
            images = np.stack(decoded) if decoded else np.empty((0, size, size, 3), np.uint8)
            numbers = [self.labels_by_path[path] for path in used if self.classes]
            columns = {LABELS: np.array(numbers, np.int64)} if self.classes else {}
            return Block(images, columns, broken, original_sizes)

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


def open_folder(
    root: Path,
    limit: int | None = None,
    max_megapixels: float = reading.MAX_MEGAPIXELS,
    labelled: bool = False,
    table: Path | None = None,
) -> FolderSource:
    """Open all the pictures below a folder, some of them held out.

    Args:
        root: the folder.
        limit: use only the first so many pictures of each split.
        max_megapixels: see `images.reading.decode`.
        labelled: whether their labels are wanted, too; the pictures of each split then come class by class in turn.
        table: a CSV file of the labels, where they are not those of the folders that the pictures lie in. Pictures that
            it does not name are left out.

    Raises:
        DataError: there are no pictures, or no labels.
    """
    folder = layout.read_folder(root)
    require_pictures(folder, root, "Name a folder of pictures, such as JPEG or PNG files.")
    source = from_layout(dataset_name(root), root, folder, None, limit, max_megapixels)
    if not labelled:
        return source
    named = labels.from_folders(folder) if table is None else labels.from_csv(table, root, folder.paths)
    train, test = (labels.spread(files, named.labels_by_path) for files in (source.train, source.test))
    if not train:
        raise DataError(f"All of the labelled pictures in {root} are held out.", "Label others, too.")
    warnings = (*source.warnings, *named.warnings)
    classes, labels_by_path = named.classes, named.labels_by_path
    return replace(source, train=train, test=test, warnings=warnings, classes=classes, labels_by_path=labels_by_path)


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
