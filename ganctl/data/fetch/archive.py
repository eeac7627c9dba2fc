"""Extracts zip archives wholly or not at all, and never outside their folder: the only way that ganctl unpacks one.

Where a SHA-256 is known, `download` has compared it and no archive can surprise. Archives without a published
checksum can: so every member is judged by its header before the first byte is written, and as a header may lie, the
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

_MAX_MEMBERS = 200_000
_MAX_NAME_LENGTH = 1000
_MAX_BYTES = 16 * 2**30
_MAX_RATIO = 200  # of bytes extracted to bytes packed; pictures are packed already, drawings reach some dozens
_HARMLESS_BYTES = 2**20  # whatever the ratio
_CHUNK_BYTES = 2**20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits 0, 6 and 13 (APPNOTE.TXT 6.3.10, section 4.4.4)
_MACOS_FOLDER = "__MACOSX"  # which macOS adds beside what was packed
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def extract(source: Path, target: Path) -> None:
    """Extract a zip into a new folder; if one folder holds everything in it, that folder is left out.

    The caller prevents that two processes extract to the same folder at once.

    Args:
        source: the zip.
        target: the folder, which must not be there yet.

    Raises:
        DataError: it is no zip, is damaged, or holds what no honest archive of pictures holds; the member is named.
        OSError: the disk refuses.
    """
    with _opened(source) as archive:
        paths = _checked_paths(archive, source)
        with atomic_folder(target) as staged:
            for member, path in paths.items():
                _write(archive, member, staged / path)


def is_sound(source: Path) -> bool:
    """Whether a file is a zip that `extract` would accept; every member is decompressed, and its CRC compared."""
    try:
        with _opened(source) as archive:
            for member in _checked_paths(archive, source):
                for _ in _chunks(archive, member):
                    pass
    except DataError:
        return False
    return True


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip, and turn every error of zipfile into one sentence."""
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except _DAMAGE as error:
        reason = str(error).rstrip(".") or type(error).__name__
        message = f"{source.name} is damaged or no zip: {reason}."
        raise DataError(message, f"Remove {source}, and fetch it anew.") from None


def _checked_paths(archive: zipfile.ZipFile, source: Path) -> dict[zipfile.ZipInfo, PurePosixPath]:
    """The path of each member in the target folder, once all members have been found harmless."""
    members = archive.infolist()
    if problem := _problem_of_all(members, source.stat().st_size):
        raise DataError(f"{source.name} is refused: {problem}.", f"Remove {source}, and fetch it from elsewhere.")
    paths = {member: PurePosixPath(member.filename) for member in members}
    paths = {member: path for member, path in paths.items() if path.parts[0] != _MACOS_FOLDER}
    tops = {path.parts[0] for path in paths.values()}
    if len(tops) == 1 and all(len(path.parts) > 1 or member.is_dir() for member, path in paths.items()):
        (top,) = tops
        paths = {member: path.relative_to(top) for member, path in paths.items()}
    return paths


def _problem_of_all(members: list[zipfile.ZipInfo], packed: int) -> str:
    """What is wrong with the members, in a few words, or nothing."""
    total = sum(member.file_size for member in members)
    if not members:
        return "it is empty"
    if len(members) > _MAX_MEMBERS:
        return f"it has {len(members):,} members"
    if total > _MAX_BYTES or total > max(_HARMLESS_BYTES, _MAX_RATIO * packed):
        return f"{packed:,} bytes would become {total:,}"
    is_folder: dict[PurePosixPath, bool] = {}
    for member in members:
        if problem := _problem_of(member):
            return f"{member.orig_filename[:200]!r} {problem}"
        path = PurePosixPath(member.filename)
        if path in is_folder:
            return f"{member.filename!r} is there twice"
        is_folder[path] = member.is_dir()
    parents = {parent for path in is_folder for parent in path.parents}
    clash = next((path for path, folder in is_folder.items() if path in parents and not folder), None)
    return "" if clash is None else f"{str(clash)!r} is both a file and a folder"


def _problem_of(member: zipfile.ZipInfo) -> str:
    """What is wrong with one member, in a few words, or nothing."""
    name = member.orig_filename  # which zipfile shortens at a NUL, and changes at a backslash on Windows
    kind = stat.S_IFMT(member.external_attr >> 16)  # of a file, to Unix; 0 if packed elsewhere
    problems = {
        "has too long a name": len(name) > _MAX_NAME_LENGTH,
        "has a name that could be read in two ways": "\0" in name or "\\" in name or member.filename != name,
        "has an absolute path": name.startswith("/") or re.match("[A-Za-z]:", name),
        "has a path that does not simply lead down": {"", ".", ".."} & set(name.removesuffix("/").split("/")),
        "is a link": kind == stat.S_IFLNK,
        "is a device, a pipe or a socket": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
        "is both a file and a folder": kind and (kind == stat.S_IFDIR) != name.endswith("/"),
        "is encrypted": member.flag_bits & _ENCRYPTED,
        "is packed in a way that zips of pictures are not": member.compress_type not in _METHODS,
        "is nowhere in it": member.header_offset < 0,
        f"would become {member.file_size:,} bytes of {member.compress_size:,}": (
            member.file_size > max(_HARMLESS_BYTES, _MAX_RATIO * member.compress_size)
        ),
    }
    return next((problem for problem, applies in problems.items() if applies), "")


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.writelines(_chunks(archive, member))
    except FileExistsError:  # where a file system takes two of its names for one
        message = f"{member.filename!r} has the name of another member here."
        raise DataError(message, "Unpack the zip by hand.") from None


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member's bytes; reading to the end compares their CRC."""
    remaining = member.file_size
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK_BYTES):
            remaining -= len(chunk)
            if remaining < 0:
                break
            yield chunk
    if remaining:
        raise zipfile.BadZipFile(f"{member.filename!r} is not as long as it says")
