"""Zips from elsewhere, unpacked wholly or not at all, and never outside their folder.

All that a zip says of its members is judged before the first byte is written. What it says may be a lie, so the
bytes are counted again as they come.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ganctl.errors import DataError
from ganctl.files import atomic_folder

_MOST_MEMBERS = 200_000
_LONGEST_NAME = 1000
_MOST_BYTES = 16 * 2**30
_MOST_RATIO = 200  # of bytes inflated to bytes packed; pictures are packed already, drawings reach some dozens
_SMALL = 2**20  # bytes that no ratio makes harmful
_PIECE = 2**20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits 0, 6 and 13 (APPNOTE.TXT 6.3.10, section 4.4.4)
_LITTER = "__MACOSX"  # which macOS adds beside what was packed
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def extract(source: Path, target: Path) -> None:
    """Unpack a zip into a new folder; the one folder that everything in it is in, if there is one, is left out.

    Two that unpack to the same place at once are the caller's to prevent.

    Args:
        source: the zip.
        target: the folder, which must not be there yet.

    Raises:
        DataError: it is no zip, is damaged, or holds what no honest archive of pictures holds; the member is named.
        OSError: the disk refuses.
    """
    with _opened(source) as archive:
        places = _places(archive, source)
        with atomic_folder(target) as staged:
            for member, place in places.items():
                _write(archive, member, staged / place)


def is_sound(source: Path) -> bool:
    """Whether a file is a zip that `extract` would unpack; every member is inflated, and its CRC compared."""
    try:
        with _opened(source) as archive:
            for member in _places(archive, source):
                for _ in _inflated(archive, member):
                    pass
    except DataError:
        return False
    return True


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """The zip, with every trouble that zipfile has with it as one sentence."""
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except _DAMAGE as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{source.name} is damaged or no zip: {why}.", f"Remove {source}, and fetch it anew.") from None


def _places(archive: zipfile.ZipFile, source: Path) -> dict[zipfile.ZipInfo, PurePosixPath]:
    """Where each member goes, once all of them have been found harmless."""
    members = archive.infolist()
    if trouble := _of_all(members, source.stat().st_size) or _of_any(members):
        raise DataError(f"{source.name} is refused: {trouble}.", f"Remove {source}, and fetch it from elsewhere.")
    paths = {member: PurePosixPath(member.filename) for member in members}
    paths = {member: path for member, path in paths.items() if path.parts[0] != _LITTER}
    tops = {path.parts[0] for path in paths.values()}
    if len(tops) == 1 and all(len(path.parts) > 1 or member.is_dir() for member, path in paths.items()):
        (top,) = tops
        paths = {member: path.relative_to(top) for member, path in paths.items()}
    return paths


def _of_all(members: list[zipfile.ZipInfo], packed: int) -> str:
    """What is wrong with the members together, in a few words, or nothing."""
    total = sum(member.file_size for member in members)
    if not members:
        return "it is empty"
    if len(members) > _MOST_MEMBERS:
        return f"it has {len(members):,} members"
    if total > _MOST_BYTES or total > max(_SMALL, _MOST_RATIO * packed):
        return f"{packed:,} bytes would become {total:,}"
    return ""


def _of_any(members: list[zipfile.ZipInfo]) -> str:
    """What is wrong with the first member that something is wrong with, or nothing."""
    folders: dict[PurePosixPath, bool] = {}
    for member in members:
        if trouble := _of_name(member) or _of_content(member):
            return f"{member.orig_filename[:200]!r} {trouble}"
        path = PurePosixPath(member.filename)
        if path in folders:
            return f"{member.filename!r} is there twice"
        folders[path] = member.is_dir()
    for path in folders:
        for above in path.parents:
            if not folders.get(above, True):
                return f"{str(above)!r} is both a file and a folder"
    return ""


def _of_name(member: zipfile.ZipInfo) -> str:
    """What is wrong with the name; zipfile has changed it already if it holds a NUL, or a backslash on Windows."""
    name = member.orig_filename
    if len(name) > _LONGEST_NAME:
        return "has too long a name"
    if "\0" in name or "\\" in name or member.filename != name:
        return "has a name that could be read in two ways"
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "has an absolute path"
    if {"", ".", ".."} & set(name.removesuffix("/").split("/")):
        return "has a path that does not simply lead down"
    return ""


def _of_content(member: zipfile.ZipInfo) -> str:
    """What is wrong with the rest; what Unix calls a file's kind is in the upper half of the attributes."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link" if kind == stat.S_IFLNK else "is a device, a pipe or a socket"
    if kind and (kind == stat.S_IFDIR) != member.is_dir():
        return "is both a file and a folder"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return "is packed in a way that zips of pictures are not"
    if member.header_offset < 0:
        return "is nowhere in it"
    if member.file_size > max(_SMALL, _MOST_RATIO * member.compress_size):
        return f"would become {member.file_size:,} bytes of {member.compress_size:,}"
    return ""


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            for piece in _inflated(archive, member):
                file.write(piece)
    except FileExistsError:  # where a file system takes two of its names for one
        raise DataError(
            f"{member.filename!r} has the name of another member here.", "Unpack the zip by hand."
        ) from None


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes; reading to the end compares their CRC."""
    left = member.file_size
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise zipfile.BadZipFile(f"{member.filename!r} is not as long as it says")
