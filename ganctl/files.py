"""Writing files that are wholly on the disk, or not there at all."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

STAGING = ".tmp-"


def fsync_folder(folder: Path) -> None:
    """Make the renames in a folder survive a power cut, where the system can."""
    with suppress(PermissionError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by a new one that is wholly on the disk, or not at all."""
    staged = path.with_name(f"{STAGING}{os.getpid()}-{path.name}")
    try:
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    fsync_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """Append to a file: all of it, or nothing and an OSError."""
    with path.open("ab") as file:
        start = file.tell()
        try:
            file.write(content)
            file.flush()
        except OSError:
            with suppress(OSError):
                os.truncate(path, start)
            raise


def discard(folder: Path) -> None:
    """Remove a folder that another thread may be writing into: it loses its name first, so that nothing new gets in."""
    doomed = folder.with_name(f"{STAGING}{os.getpid()}-discarded")
    with suppress(OSError):
        folder.replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def umask() -> int:
    """The permissions that new files of this process do without."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
