"""What is in the user's cache, and how it is emptied: never of what a running process uses."""

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

from ganctl.data.cache.store import lock_of, unused
from ganctl.data.sources import cyclegan_sets, mnist
from ganctl.data.sources.base import user_cache
from ganctl.errors import StorageError
from ganctl.files import STAGING, is_full, remove_folder, remove_strays

Kind = Literal["decoded", "features", "downloads"]
KINDS: tuple[Kind, ...] = ("decoded", "features", "downloads")

_FETCHABLE = {*mnist.FOLDERS, *cyclegan_sets.TO_FETCH}


@dataclass(frozen=True)
class Entry:
    """Something that the cache holds.

    Attributes:
        kind: decoded sets, features of real pictures, or what was downloaded.
        path: a file or a folder.
        size: bytes.
    """

    kind: Kind
    path: Path
    size: int


@dataclass(frozen=True)
class Cleared:
    """What became of the cache.

    Attributes:
        removed: what it held.
        left: what it still holds, each with the reason.
    """

    removed: tuple[Entry, ...]
    left: tuple[tuple[Entry, str], ...]


def entries() -> list[Entry]:
    """All that the cache holds, by kind and name; the locks beside it are none of it.

    Raises:
        StorageError: it is no folder, or cannot be read.
    """
    return [Entry(kind, path, _size(path)) for kind in KINDS for path in _paths(kind)]


def clear() -> Cleared:
    """Remove what the cache holds, but what a running process uses and what could not be downloaded again.

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
        elif (
            entry.kind == "downloads"
            and entry.path.is_dir()
            and entry.path.name not in {*mnist.FOLDERS, *cyclegan_sets.TO_FETCH}
        ):
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
    """Remove an entry with its lock, unless a process uses it or is making it; whether it could be removed.

    Raises:
        OSError: the disk refuses.
    """
    made = path.with_suffix("") if path.suffix == ".part" else path
    inside = path.rglob("*.lock") if path.is_dir() else ()
    with ExitStack() as held:
        try:
            for lock in (lock_of(made), *inside):
                held.enter_context(FileLock(lock, timeout=0))
            mapped = path / "train"  # of a decoded set
            if not all(held.enter_context(unused(marked)) for marked in (path, mapped) if marked.exists()):
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
        lock_of(made).unlink(missing_ok=True)  # whoever waits for it makes the same again, at worst
    return True


def drop_useless(form: int) -> None:
    """Remove decoded sets that nothing will ever ask for: of other formats, and of folders that are no more.

    Args:
        form: the format of today.
    """
    for path in _paths("decoded"):
        try:
            meta = json.loads((path / "meta.json").read_bytes())
            useless = meta["format"] != form or not (meta["folder"] is None or Path(meta["folder"]).is_dir())
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
    """What is stored of a kind; a StorageError where that cannot be listed, which is not taken for nothing."""
    cache = user_cache()
    for folder in (cache, cache / kind):
        try:
            names = os.listdir(folder)  # noqa: PTH208 - only names are needed
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not folder.is_symlink():
                return
            no_folder = isinstance(error, FileNotFoundError | NotADirectoryError)
            said = f"{folder} {'is no folder' if no_folder else f'cannot be read: {error.strerror}'}."
            raise StorageError(said, "Set GANCTL_CACHE to a folder that can be read.", error.errno) from None
    yield from (folder / name for name in sorted(names) if not name.endswith(".lock"))


def _size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; of what vanishes meanwhile, none."""
    found = 0
    for at, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                found += Path(at, name).lstat().st_size
    with suppress(OSError):
        return found if path.is_dir() else path.lstat().st_size
    return found
