"""`Layout`: which pictures lie in which folder of a set, by names and sizes of files alone."""

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
    """A file whose name ends as a picture's does.

    Attributes:
        path: where it is.
        size: bytes.
        file: device and inode number: two paths may lead to one file.
    """

    path: Path
    size: int
    file: tuple[int, int]


@dataclass(frozen=True)
class Folder:
    """One folder of a set, with all that is below it.

    Attributes:
        name: in the set.
        split: the split that its pictures belong to.
        domain: 0 or 1, the domain that they belong to.
        path: where it is, or should be.
        exists: whether it is there and a folder.
        pictures: the files that may be pictures, in the order of their paths.
        unreadable: what cannot be decoded, known by its name alone: pictures of other formats, links to nothing,
            pipes, and folders that cannot be opened, each with the reason.
        thumbnails: folders of thumbnails and the like, which are left out.
        unnamed: pictures without a picture's ending, which are left out.
        other_files: the remaining files; hidden ones are left out.
        error: why the folder could not be read; empty if it could.
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
    other_files: tuple[Path, ...] = ()
    error: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of the pictures."""
        return tuple(picture.path for picture in self.pictures)


@dataclass(frozen=True)
class Layout:
    """The folders of a set, by split and domain.

    Attributes:
        root: its folder.
        folders: those that are used, or should be there: two to train on and perhaps two to test on, or one.
        unused: names of files and folders beside them.
    """

    root: Path
    folders: tuple[Folder, ...]
    unused: tuple[str, ...] = ()

    @property
    def has_two_domains(self) -> bool:
        """Whether it is a set of two domains."""
        return len(self.folders) > 1


def layout_of_two(root: Path, train: Sequence[str] = TRAIN, test: Sequence[str] = TEST) -> Layout:
    """Read the folders of a set of two domains.

    Args:
        root: its folder.
        train: the names of the two folders to train on.
        test: the names of the two folders to test on; empty for none.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    splits: tuple[tuple[Split, Sequence[str]], ...] = (("train", train), ("test", test))
    folders = [
        _read_folder(root / name, name, split, domain) for split, names in splits for domain, name in enumerate(names)
    ]
    unused = (name for name in _names_in(root) if name not in {*train, *test} and not name.startswith("."))
    return Layout(root, tuple(folders), tuple(unused))


def find_layout(root: Path, domains: tuple[str, str] | None = None) -> Layout:
    """Find out whether a folder is a set of two domains, else take it for one of pictures at any depth.

    Args:
        root: the set's folder, or one that holds nothing but it.
        domains: the names of two folders in it; where there are trainA or trainB instead, those are meant.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    names = _names_in(root)
    lower = {name.casefold() for name in names}
    usual, named = {"traina", "trainb"}, {name.casefold() for name in domains or ()}
    if not lower & (usual | named) and (inner := _only_folder(root, names)) and _holds_any(inner, usual | named):
        return find_layout(inner, domains)  # unpacked into a folder of its own name: horse2zebra/horse2zebra
    if domains and (lower & named or not lower & usual):
        return layout_of_two(root, domains, ())
    if lower & usual:
        return layout_of_two(root)
    return Layout(root, (read_folder(root),))


def read_folder(path: Path) -> Folder:
    """Read one folder of pictures at any depth.

    Hidden files and folders are left out (macOS puts a ``._x.jpg`` beside every ``x.jpg``). Linked folders count, each
    real folder once.
    """
    return _read_folder(path, path.resolve().name or str(path), "train", 0)


def _names_in(root: Path) -> list[str]:
    """The names of a set's files and folders, sorted."""
    if not root.exists():
        raise DataError(f"There is no data {str(root)!r}.", "Name a folder of pictures.")
    if not root.is_dir():
        raise DataError(f"{root} is a file.", "Name the folder that holds the pictures.")
    try:
        return sorted(path.name for path in root.iterdir())
    except OSError as error:
        raise DataError(f"{root} cannot be read: {error.strerror}.", "Let yourself read it: chmod u+rx") from None


def _only_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The one folder in a folder; what zips of macOS leave beside it does not count."""
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


def _read_folder(path: Path, name: str, split: Split, domain: int) -> Folder:
    if not path.is_dir():
        return Folder(name, split, domain, path, exists=False)
    scan = scanning.scan_folder(path)
    unreadable = dict(scan.unreadable)
    error = unreadable.pop(path, "")
    readable: list[Picture] = []
    for file in scan.files:
        try:
            status = file.stat()
        except OSError as vanished:  # it was there a moment ago
            unreadable[file] = vanished.strerror or str(vanished)
        else:
            readable.append(Picture(file, status.st_size, (status.st_dev, status.st_ino)))
    return Folder(
        name,
        split,
        domain,
        path,
        exists=True,
        pictures=tuple(sorted(readable)),
        unreadable=tuple(sorted(unreadable.items())),
        thumbnails=scan.thumbnail_folders,
        unnamed=scan.without_suffix,
        other_files=tuple(sorted(scan.other_files)),
        error=error,
    )
