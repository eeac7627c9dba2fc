"""Lists the entries of the user's cache and removes them, but never what a running process uses."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from ganctl.data.cache.store import lock_of, lock_unused, user_cache
from ganctl.data.sources import cyclegan_sets, mnist
from ganctl.errors import StorageError
from ganctl.files import STAGING, is_full, remove_folder, remove_strays

Kind = Literal["decoded", "features", "downloads"]
KINDS: tuple[Kind, ...] = ("decoded", "features", "downloads")

_DOWNLOADABLE = {*mnist.FOLDERS, *cyclegan_sets.DOWNLOADABLE}


@dataclass(frozen=True)
class Entry:
    """A file or folder in the cache.

    Attributes:
        kind: a decoded set, features of real pictures, or a download.
        path: the file or folder.
        size: bytes.
    """

    kind: Kind
    path: Path
    size: int


@dataclass(frozen=True)
class Cleared:
    """The result of `clear`.

    Attributes:
        removed: the entries that are gone.
        left: the entries that are still there, each with the reason.
    """

    removed: tuple[Entry, ...]
    left: tuple[tuple[Entry, str], ...]


def entries() -> list[Entry]:
    """List the entries of the cache by kind and name; the locks beside them are none.

    Raises:
        StorageError: it is no folder, or cannot be read.
    """
    return [Entry(kind, path, _size(path)) for kind in KINDS for path in _paths(kind)]


def clear() -> Cleared:
    """Remove all entries but those that a running process uses and those that could not be downloaded again.

    Raises:
        OSError: the disk refuses, or the cache is no folder.
    """
    removed: list[Entry] = []
    left: list[tuple[Entry, str]] = []
    for kind in KINDS:
        remove_strays(user_cache() / kind)
    for entry in entries():
        if entry.path.name.startswith(STAGING):
            left.append((entry, "a running process is writing it"))
        elif entry.kind == "downloads" and entry.path.is_dir() and entry.path.name not in _DOWNLOADABLE:
            left.append((entry, "it cannot be downloaded again"))
        elif remove_unused(entry.path):
            removed.append(entry)
        else:
            left.append((entry, "a running process uses it"))
    for lock in [lock for kind in KINDS for lock in (user_cache() / kind).glob("*.lock")]:
        if not lock.with_suffix("").exists():  # nothing came of it
            remove_unused(lock.with_suffix(""))
    return Cleared(tuple(removed), tuple(left))


def remove_unused(path: Path) -> bool:
    """Remove an entry with its lock, unless a process uses it or is making it; return whether it was removed.

    Raises:
        OSError: the disk refuses.
    """
    target = path.with_suffix("") if path.suffix == ".part" else path
    inner_locks = path.rglob("*.lock") if path.is_dir() else ()
    with ExitStack() as stack:
        try:
            for lock in (lock_of(target), *inner_locks):
                stack.enter_context(FileLock(lock, timeout=0))
            marked = (path, path / "train")  # the latter of a decoded set: the file that is mapped
            if not all(stack.enter_context(lock_unused(used)) for used in marked if used.exists()):
                return False
            if path.is_dir() and not path.is_symlink():
                _remove(path)
            else:
                path.unlink(missing_ok=True)
        except Timeout:
            return False
        except PermissionError:
            if sys.platform != "win32":  # where nothing is removed that is open
                raise
            return False
        lock_of(target).unlink(missing_ok=True)  # whoever waits for it makes the same again, at worst
    return True


def remove_outdated(current_format: int) -> None:
    """Remove decoded sets that nothing will ever ask for: of other formats, and of folders that are gone.

    Args:
        current_format: the format of today.
    """
    for path in _paths("decoded"):
        try:
            meta = json.loads((path / "meta.json").read_bytes())
            useless = meta["format"] != current_format or not (meta["folder"] is None or Path(meta["folder"]).is_dir())
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            useless = not path.name.startswith(".")
        if useless:
            with suppress(OSError):
                remove_unused(path)


def _remove(folder: Path) -> None:
    try:
        remove_folder(folder)
    except OSError as error:
        if not is_full(error):
            raise
        shutil.rmtree(folder)  # a full disk takes no new name, and is what has to be emptied


def _paths(kind: Kind) -> Iterator[Path]:
    """Yield the entries of a kind; raise StorageError where they cannot be listed, which is not the same as none."""
    cache = user_cache()
    for folder in (cache, cache / kind):
        try:
            names = os.listdir(folder)  # noqa: PTH208 - only names are needed
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not folder.is_symlink():
                return
            no_folder = isinstance(error, FileNotFoundError | NotADirectoryError)
            message = f"{folder} {'is no folder' if no_folder else f'cannot be read: {error.strerror}'}."
            raise StorageError(message, "Set GANCTL_CACHE to a folder that can be read.", error.errno) from None
    yield from (folder / name for name in sorted(names) if not name.endswith(".lock"))


def _size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; of a file that vanishes meanwhile, none."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                total += Path(folder, name).lstat().st_size
    with suppress(OSError):
        return total if path.is_dir() else path.lstat().st_size
    return total
