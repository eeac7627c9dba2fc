"""Files and folders that are wholly on the disk, or not there at all.

Whatever is written is staged in a folder of its own beside its target, brought to the disk, and renamed. A staging
folder is locked for as long as its process lives, here or on another machine: so what a killed one left can be told
from what another one is writing now.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ganctl import interrupt, units

STAGING = ".tmp-ganctl-"
_LOCK = f"{STAGING}lock"  # in a staging folder, beside what is staged
_ATTEMPTS = 10  # at a staging folder that nobody takes for a stray before it is locked
_LONGEST_ENDING = 32  # of a staged file; writers choose their format by it


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file with any writer: gives a path to write to, which becomes `path` when the block ends well.

    Links are followed and stay. What is no regular file, such as a device or a pipe, is written into. The permissions
    of a file that exists are kept; folders that are missing are made.

    Raises:
        OSError: the disk refuses, or `path` is a folder. It names `path`, which is as it was before.
    """
    with _naming(path):
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with tempfile.TemporaryDirectory() as elsewhere:
                yield (staged := _new(Path(elsewhere), path))
                with staged.open("rb") as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
            return
        target_path = Path(os.path.realpath(path))
        make_folder(target_path.parent)
        with _staging_folder(target_path.parent) as folder:
            yield (staged := _new(folder, path))
            move_into_place(staged, target_path, mode)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a new folder: gives an empty one to fill, which becomes `path` when the block ends well.

    Folders above it that are missing are made, and what killed processes left beside it is removed.

    Raises:
        OSError: the disk refuses, or something is there already. It names `path`, or what was to be in it. Where only
            the name could not be brought to the disk, the folder is there and whole.
    """
    with _naming(path):
        target = Path(os.path.realpath(path))
        make_folder(target.parent)
        remove_strays(target.parent)
        with _staging_folder(target.parent) as folder:
            staged = folder / "new"
            staged.mkdir()
            yield staged
            for at, _, names in os.walk(staged, topdown=False):
                for name in names:
                    _fsync_file(Path(at, name))
                fsync_folder(Path(at))
            if os.path.lexists(target):  # an empty folder would be replaced without a word
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            staged.rename(target)
            fsync_folder(target.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by a new one that is wholly on the disk, or not at all: see `atomic_file`.

    Raises:
        OSError: as `atomic_file`; where the disk is full, `reason` also says how much is needed.
    """
    try:
        with atomic_file(path) as staged:
            staged.write_bytes(content)
    except OSError as error:
        if is_full(error):
            error.add_note(f"which takes {units.size(len(content))}")
        raise


def move_into_place(finished: Path, path: Path, mode: int | None = None) -> None:
    """Bring a finished file to the disk, then give it its name in the same file system, and permissions if given.

    Raises:
        OSError: the disk refuses; what had the name before is untouched.
    """
    _fsync_file(finished)
    if mode is not None:
        finished.chmod(stat.S_IMODE(mode))
    finished.replace(path)
    fsync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder in one moment: a kill leaves no part of it under its name.

    Raises:
        OSError: the disk refuses.
    """
    with _naming(path), _staging_folder(path.parent) as folder:
        path.rename(folder / "old")


def discard(folder: Path) -> None:
    """Remove a folder that another thread may be writing into: it loses its name first, so that nothing new gets in."""
    with suppress(OSError):
        folder = folder.rename(folder.with_name(f"{STAGING}{folder.name.removeprefix(STAGING)}-"))
    shutil.rmtree(folder, ignore_errors=True)


def remove_strays(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; what a living one is writing stays."""
    for stray in folder.glob(f"{STAGING}*"):
        with suppress(OSError):  # it is locked, or cannot be: then it stays
            with FileLock(stray / _LOCK, timeout=0):
                shutil.rmtree(stray, ignore_errors=True)
            shutil.rmtree(stray, ignore_errors=True)  # Windows removes no lock that is held


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, so that they survive a power cut.

    Raises:
        OSError: the disk refuses, or something else has one of these names.
    """
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
        missing.mkdir(exist_ok=True)
        fsync_folder(missing.parent)


def fsync_folder(folder: Path) -> None:
    """Make the renames in a folder survive a power cut, where the system can."""
    with suppress(PermissionError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems of the network
                raise
        finally:
            os.close(handle)


def append(path: Path, content: bytes) -> None:
    """Append to a file: all of it, or nothing and an OSError."""
    with path.open("ab", buffering=0) as file:  # a buffer would write it after all when it is closed
        start, rest = file.tell(), memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):
                os.truncate(path, start)
            raise


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines to a file: all of them, or nothing and an OSError. Half a line that a kill left stays one."""
    content = "".join(f"{line}\n" for line in lines).encode(errors="surrogatepass")
    with suppress(OSError), path.open("rb") as file:  # it is empty, or not there yet
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            content = b"\n" + content
    append(path, content)


def free_path(path: Path) -> Path:
    """The path, or the first of ``name-2.png``, ``name-3.png`` and so on that nothing has."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def is_full(error: OSError) -> bool:
    """Whether a disk, or what a user may have of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def reason(error: OSError) -> str:
    """What the disk said, and of which place: ``No space left on device: out.png, which takes 3 MB``."""
    what = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return ", ".join([what, *getattr(error, "__notes__", ())])


def umask() -> int:
    """The permissions that new files of this process do without."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _mode(path: Path) -> int | None:
    """The kind and permissions of what a path leads to; None where there is nothing yet."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return mode


def _new(folder: Path, path: Path) -> Path:
    """What to call a file while it is staged: short, whatever it will be called, and of the same ending."""
    return folder / f"new{path.suffix if len(path.suffix) <= _LONGEST_ENDING else ''}"


@contextmanager
def _staging_folder(parent: Path) -> Iterator[Path]:
    """A new folder beside a target, locked until it is removed with all that is left in it."""
    folder, lock = _locked_folder(parent)
    try:
        with interrupt.cleanup_on_interrupt(lambda: discard(folder)):
            yield folder
    finally:
        lock.release()
        try:
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()
        except OSError:  # something is left in it
            shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path) -> tuple[Path, FileLock]:
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=parent))
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
            if (folder / _LOCK).exists():
                return folder, lock
            lock.release()
        except (Timeout, FileNotFoundError):  # another process takes it for a stray, in its first moment
            pass
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(parent))


def _fsync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An OSError of what is staged names what it was to become."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or "")
        if error.errno is None or (place and STAGING not in place):
            raise  # it has words of its own, or is of another place
        inside = Path(place.rpartition(STAGING)[2]).parts[2:]  # below its folder, and the name that it has there
        raise OSError(error.errno, error.strerror, str(path.joinpath(*inside))) from error
