"""Pictures in folders."""

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
from ganctl.seeds import Stream, mix
from ganctl.text import command, quote

LOWRES = "lowres"
_HELD_OUT = 20  # of a folder, one picture in so many
_DECODED = 32  # pictures decoded together
# What folders to train on and to test with are called: train and val, trainA and testA, train2017, test-set.
_TRAIN, _TEST = (
    re.compile(rf"({names})([-_. ]?(a|b|\d+|set|data|images|imgs))?", re.IGNORECASE)
    for names in ("train|training", "test|tests|testing|val|valid|validation|eval|evaluation|holdout|held[-_. ]?out")
)
_REDUCTION = 4  # of the low-resolution side, as in most papers on enlarging pictures


@dataclass(frozen=True)
class Folder(Source):
    """Pictures below a folder, of any format that Pillow reads: some to learn from, some held out."""

    name: str
    root: Path
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    limit: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """The whole path."""
        return str(self.root.resolve())

    def identity(self) -> Any:
        """Path, size and time of every file."""
        stats = [[(path, path.stat()) for path in files] for files in (self.train, self.test)]
        listed = [[(str(p.relative_to(self.root)), s.st_size, s.st_mtime_ns) for p, s in part] for part in stats]
        return ["folder", self.spec, self.limit, self.max_megapixels, *listed]

    def directory(self) -> Path:
        """The folder itself."""
        return self.root

    def native_size(self) -> None:
        """Not known."""

    def native_channels(self) -> None:
        """Not known before all are decoded."""

    def count(self) -> int:
        """All of its files."""
        return sum(len(files[: self.limit]) for files in (self.train, self.test))

    def blocks(self, part: Split, size: int) -> Iterator[Block]:
        """Its readable pictures, in the order of their paths."""
        chosen = {"train": self.train, "test": self.test}[part][: self.limit]

        def decode(start: int) -> Block:
            found, broken, shorter = [], [], []
            for path in chosen[start : start + _DECODED]:
                try:
                    image, side = reading.read_square(path, size, self.max_megapixels)
                    found.append(image)
                    shorter.append(side)
                except OSError as error:
                    broken.append(_line(self.root, path, str(error)))
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

    def blocks(self, part: Split, size: int) -> Iterator[Block]:
        """As many pictures as the original's."""
        for block in self.original.blocks(part, size):
            small = conversion.resize(block.images, max(1, size // _REDUCTION))
            yield block._replace(images=conversion.resize(small, size))


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


def whole(root: Path, limit: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Folder:
    """All the pictures below a folder, some of them held out.

    Args:
        root: the folder.
        limit: use only the first so many pictures of each part.
        max_megapixels: see `images.reading.decode`.

    Raises:
        DataError: there are none.
    """
    contents = layout.folder(root)
    require_pictures(contents, root, "Name a folder of pictures, such as JPEG or PNG files.")
    return of_layout(name_of(root), root, contents, None, limit, max_megapixels)


def of_layout(
    name: str,
    root: Path,
    learnt: layout.Folder,
    test: layout.Folder | None,
    limit: int | None,
    max_megapixels: float,
) -> Folder:
    """The pictures of a folder to learn from, and those of another to test with or, where there is none, some of them.

    Args:
        name: what the source is called.
        root: the folder that both are in.
        learnt: the one to learn from.
        test: the one to test with; what is called so inside of the other, or a seeded part of it, where it has none.
        limit: use only the first so many pictures of each part.
        max_megapixels: see `images.reading.decode`.
    """
    files, held_out = learnt.paths, test.paths if test else ()
    skipped = [_line(root, path, why) for one in (learnt, test) if one for path, why in one.unreadable]
    notes = [said for one in (learnt, test) if one for said, _ in findings.of_left_out(one)]
    if not held_out:
        folders = folders_to_hold_out(learnt.path, files)
        files, held_out = split(files, folders)
        notes += [findings.of_held_out(folders, len(held_out))] if folders else []
    return Folder(name, root, files, held_out, limit, max_megapixels, tuple(skipped), tuple(notes))


def require_pictures(contents: layout.Folder, root: Path, remedy: str) -> None:
    """Raise DataError unless a folder holds pictures that can be learnt from.

    Args:
        contents: the folder.
        root: what to call it.
        remedy: what to do.
    """
    if contents.trouble:
        raise DataError(f"{root} cannot be read: {contents.trouble}.", "Allow it: chmod -R u+rX")
    if contents.pictures:
        return
    if contents.unreadable:
        where = f"{command('ganctl', 'check', str(root))} --verbose names each"
        said = findings.listed(findings.inside(contents.path, contents.unreadable), where)
        raise DataError(f"{root} holds no picture that can be read: {said}.", remedy)
    if contents.unnamed:
        raise DataError(f"{root} holds no file with a picture's ending.", findings.RENAME)
    raise DataError(f"{root} {'holds no pictures' if contents.exists else 'is no folder'}.", remedy)


def _line(root: Path, path: Path, reason: str) -> str:
    """A file that is not used, as it is told: its name in the set, and why."""
    return f"{os.fsencode(path.relative_to(root)).decode(errors='backslashreplace')}: {reason}"


def name_of(root: Path) -> str:
    """What a folder's set is called."""
    return root.resolve().name.lstrip(".") or "pictures"


def folders_to_hold_out(root: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """The folders below a root whose names say that they are to test with, each beside one that is to train on."""
    folders = {folder for file in files for folder in file.relative_to(root).parents} - {Path()}
    beside_train = {folder.parent for folder in folders if _TRAIN.fullmatch(folder.name)}
    found = [folder for folder in folders if _TEST.fullmatch(folder.name) and folder.parent in beside_train]
    return tuple(root / folder for folder in sorted(found))


def split(files: Sequence[Path], test: Sequence[Path] = ()) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Files to learn from, and those to hold out: what is in the test folders, else a seeded 5 %."""
    if test:
        held_out = {i for i, path in enumerate(files) if any(path.is_relative_to(folder) for folder in test)}
    else:
        order = np.random.default_rng(mix(0, Stream.HELD_OUT)).permutation(len(files))
        held_out = set(order[: len(files) // _HELD_OUT].tolist())
    parts = [tuple(path for i, path in enumerate(files) if (i in held_out) == wanted) for wanted in (False, True)]
    return parts[0], parts[1]
