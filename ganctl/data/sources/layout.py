"""Which pictures lie in which folder of a set, by names and sizes of files alone."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ganctl.data.sources.base import Split
from ganctl.errors import DataError
from ganctl.images import scanning

TRAIN, TEST = ("trainA", "trainB"), ("testA", "testB")


class Picture(NamedTuple):
    """A file that its name calls a picture.

    Attributes:
        path: where it is.
        size: bytes.
        file: which one it is, by device and number: two names may be of one file.
    """

    path: Path
    size: int
    file: tuple[int, int]


@dataclass(frozen=True)
class Folder:
    """One folder of a set, read to its depths.

    Attributes:
        name: in the set.
        split: what its pictures are for.
        domain: which of the two they are of, 0 or 1.
        path: where it is, or should be.
        exists: whether it is there and a folder.
        pictures: the files in it that are called pictures and may be, in the order of their paths.
        unreadable: what a training has to do without, known before anything is decoded: pictures of other formats,
            links to nothing, pipes, and folders that cannot be opened, each with the reason.
        thumbnails: folders of thumbnails and the like, which are left out.
        unnamed: pictures whose names have no picture's ending, which are left out.
        others: the rest of its files, hidden ones left out.
        trouble: why it could not be read; empty if it could.
    """

    name: str
    split: Split
    domain: int
    path: Path
    exists: bool
    pictures: tuple[Picture, ...] = ()
    unreadable: tuple[tuple[Path, str], ...] = ()
    thumbnails: tuple[Path, ...] = ()
    unnamed: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    trouble: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Those of its pictures."""
        return tuple(picture.path for picture in self.pictures)


@dataclass(frozen=True)
class Layout:
    """A set as it lies on the disk.

    Attributes:
        root: its folder.
        folders: those that are used, or should be there: two to train on and perhaps two to test on, or one.
        unused: names beside them.
    """

    root: Path
    folders: tuple[Folder, ...]
    unused: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether it has two domains."""
        return len(self.folders) > 1


def of_pair(root: Path, train: Sequence[str] = TRAIN, test: Sequence[str] = TEST) -> Layout:
    """A set of two domains.

    Args:
        root: its folder.
        train: the names of the two folders to learn from.
        test: of the two with held-out pictures; empty if there are to be none.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    parts: tuple[tuple[Split, Sequence[str]], ...] = (("train", train), ("test", test))
    folders = [_folder(root / name, name, part, domain) for part, two in parts for domain, name in enumerate(two)]
    unused = (name for name in _names(root) if name not in {*train, *test} and not name.startswith("."))
    return Layout(root, tuple(folders), tuple(unused))


def find(root: Path, domains: tuple[str, str] | None = None) -> Layout:
    """A set of two domains where its folders are called so, else one of pictures at any depth.

    Args:
        root: its folder, or one that holds nothing but it.
        domains: the names of two folders in it; where trainA or trainB is there instead, those are meant.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    there = _names(root)
    inside = {name.casefold() for name in there}
    wanted = {"traina", "trainb"} | {name.casefold() for name in domains or ()}
    if not inside & wanted and (inner := _only_folder(root, there)) and _holds_any(inner, wanted):
        return find(inner, domains)  # unpacked into a folder of its own name: horse2zebra/horse2zebra
    if domains and (inside & {name.casefold() for name in domains} or not inside & {"traina", "trainb"}):
        return of_pair(root, domains, ())
    if inside & {"traina", "trainb"}:
        return of_pair(root)
    return Layout(root, (folder(root),))


def folder(path: Path) -> Folder:
    """One folder of pictures at any depth.

    Hidden files and folders are left out (macOS puts a ``._x.jpg`` beside every ``x.jpg``). Linked folders count, each
    real folder once.
    """
    return _folder(path, path.resolve().name or str(path), "train", 0)


def _names(root: Path) -> list[str]:
    """What lies in a set's folder, in order."""
    if not root.exists():
        raise DataError(f"There is no data {str(root)!r}.", "Name a folder of pictures.")
    if not root.is_dir():
        raise DataError(f"{root} is a file.", "Name the folder that holds the pictures.")
    try:
        return sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror}.", "Let yourself read it: chmod u+rx") from None


def _only_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The one folder in a folder, if it is one; what zips of macOS leave beside it does not count."""
    folders = [
        root / name for name in names if name != "__MACOSX" and not name.startswith(".") and (root / name).is_dir()
    ]
    return folders[0] if len(folders) == 1 else None


def _holds_any(folder: Path, names: AbstractSet[str]) -> bool:
    """Whether one of these names, in any case, is in a folder."""
    try:
        return any(path.name.casefold() in names for path in folder.iterdir())
    except OSError:
        return False


def _folder(path: Path, name: str, part: Split, domain: int) -> Folder:
    if not path.is_dir():
        return Folder(name, part, domain, path, exists=False)
    below = scanning.scan(path)
    unreadable = dict(below.unreadable)
    trouble = unreadable.pop(path, "")
    found: list[Picture] = []
    for file in below.files:
        try:
            about = file.stat()
        except OSError as error:  # it was there a moment ago
            unreadable[file] = error.strerror or str(error)
        else:
            found.append(Picture(file, about.st_size, (about.st_dev, about.st_ino)))
    return Folder(
        name,
        part,
        domain,
        path,
        True,
        tuple(sorted(found)),
        tuple(sorted(unreadable.items())),
        below.thumbnails,
        below.unnamed,
        tuple(sorted(below.others)),
        trouble,
    )
