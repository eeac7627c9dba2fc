"""Stores things in the user's cache: finds its folder, computes them once, checks for room and marks them as used."""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import platformdirs
from filelock import FileLock

from ganctl.errors import StorageError
from ganctl.files import is_full, make_folder, reason
from ganctl.units import size

if sys.platform != "win32":  # where what is open cannot be removed anyway
    import fcntl

T = TypeVar("T")
_in_use: dict[Path, int] = {}  # folders that this process uses until it ends, each with the handle of its lock


def user_cache() -> Path:
    """The folder of downloads and decoded sets: ``GANCTL_CACHE``, else the system's folder for caches."""
    return Path(os.environ.get("GANCTL_CACHE") or platformdirs.user_cache_dir("ganctl"))


def compute_once(
    path: Path,
    load: Callable[[], T | None],
    make: Callable[[], T],
    display: AbstractContextManager[None] | None = None,
) -> T:
    """Return what is stored at a path; make it now unless it is there, and once, however many processes ask for it.

    Args:
        path: where it is stored; its lock lies beside it.
        load: returns what is stored there, or None where that is missing or damaged.
        make: makes it, stores it wholly or not at all (`files.atomic_file`, `files.atomic_folder`), and returns it.
        display: entered while it is made, and while another process makes it: shows the progress.

    Raises:
        OSError: the disk refuses.
    """
    if (stored := load()) is not None:
        return stored
    make_folder(path.parent)
    with display or nullcontext(), FileLock(lock_of(path)):
        stored = load()  # by whoever held the lock
        return make() if stored is None else stored


def lock_of(path: Path) -> Path:
    """Return the path of the lock that is held while something is made at a path."""
    return path.with_name(f"{path.name}.lock")


@contextmanager
def room_for(what: str, needed: int | None = None) -> Iterator[None]:
    """Check for room first, and turn a failed write to the cache into a StorageError with a remedy.

    Args:
        what: the thing that is stored, in words.
        needed: bytes that it takes at most; None where nobody knows.

    Raises:
        StorageError: there are fewer bytes left, or the disk refuses; the folder, the need and the remedies are named.
    """
    cache = user_cache()
    make_room = "Make room with ganctl cache --clear, or set GANCTL_CACHE to a folder on another disk."
    try:
        disk = next(folder for folder in (cache.absolute(), *cache.absolute().parents) if folder.is_dir())
        if needed is not None and needed > (free := shutil.disk_usage(disk).free):
            message = f"There is no room for {what}: that takes {size(needed)}, and {cache} has {size(free)} left."
            raise StorageError(message, make_room, errno.ENOSPC)
        yield
    except StorageError:
        raise
    except OSError as error:
        path = Path(os.fsdecode(error.filename or cache))
        if error.errno is None or not (path.is_relative_to(cache) or cache.is_relative_to(path)):
            raise  # it is about something else than the cache
        if is_full(error):
            need = "" if needed is None else f" that takes {size(needed)}, and"
            message = f"There is no room for {what}:{need} the disk says: {reason(error)}."
            raise StorageError(message, make_room, error.errno) from error
        if error.errno == errno.EFBIG:
            message = f"{what[0].upper()}{what[1:]} cannot be stored: {reason(error)}."
            remedy = "Raise the limit on files (ulimit -f), or set GANCTL_CACHE to a folder on another disk."
            raise StorageError(message, remedy, error.errno) from error
        message = f"The cache cannot be written to: {reason(error)}."
        raise StorageError(message, "Set GANCTL_CACHE to a folder that can be written to.", error.errno) from error


def mark_file_used(file: BinaryIO) -> None:
    """Mark a file as used, for as long as it is open or mapped by anything that was opened through it."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks, or someone is removing it: what is open stays readable
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def mark_folder_used(folder: Path) -> None:
    """Mark a folder as used until this process ends."""
    if sys.platform == "win32" or (folder in _in_use and os.fstat(_in_use[folder]).st_nlink):
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        _in_use[folder] = handle
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def lock_unused(path: Path) -> Iterator[bool]:
    """Yield whether no process uses a file or folder; if so, none can mark it as used until the block ends."""
    if sys.platform == "win32":
        yield True
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        free = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:  # a file system without locks
            pass
        yield free
    finally:
        os.close(handle)
