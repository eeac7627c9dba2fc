"""Write files and folders so that they are wholly on the disk, or not there at all.

Everything is staged in a folder beside its target, fsynced, and renamed. A staging folder is locked for as long as its
process lives, on this machine or another: so the leftovers of a killed process can be told from work in progress.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path

from filelock import FileLock, Timeout

from ganctl import interrupt, units

STAGING = ".tmp-ganctl-"
_LOCK = f"{STAGING}lock"  # in a staging folder, beside what is staged
_LOCK_ATTEMPTS = 10  # another process may take a new staging folder for a stray before it is locked
_MAX_SUFFIX_LENGTH = 32  # of a staged file; writers choose their format by the suffix


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends without an error.

    Links are followed and stay. A device or a pipe is written into. The permissions of an existing file are kept;
    missing folders are made.

    Raises:
        OSError: the disk refuses, or `path` is a folder. It names `path`, which is as it was before.
    """
    with _naming(path):
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with tempfile.TemporaryDirectory() as folder_name:
                yield (staged := _staged_path(Path(folder_name), path))
                with staged.open("rb") as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
            return
        target_path = Path(os.path.realpath(path))
        make_folder(target_path.parent)
        with _staging_folder(target_path.parent) as folder:
            yield (staged := _staged_path(folder, path))
            move_into_place(staged, target_path, mode)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which becomes `path` when the block ends without an error.

    Missing parent folders are made, and what killed processes left beside it is removed.

    Raises:
        OSError: the disk refuses, or `path` exists. It names `path`, or a file that was to be in it. If only the last
            fsync failed, the folder is there and whole.
    """
    with _naming(path):
        target = Path(os.path.realpath(path))
        make_folder(target.parent)
        remove_strays(target.parent)
        with _staging_folder(target.parent) as folder:
            staged = folder / "new"
            staged.mkdir()
            yield staged
            for parent, _, names in os.walk(staged, topdown=False):
                for name in names:
                    _fsync_file(Path(parent, name))
                fsync_folder(Path(parent))
            if os.path.lexists(target):  # an empty folder would be replaced without a word
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            staged.rename(target)
            fsync_folder(target.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file with `content`, wholly or not at all: see `atomic_file`.

    Raises:
        OSError: as `atomic_file`; if the disk is full, `reason` also says how much is needed.
    """
    try:
        with atomic_file(path) as staged:
            staged.write_bytes(content)
    except OSError as error:
        if is_full(error):
            error.add_note(f"which takes {units.size(len(content))}")
        raise


def move_into_place(finished: Path, path: Path, mode: int | None = None) -> None:
    """Fsync a finished file, then rename it within its file system, with permissions `mode` if given.

    Raises:
        OSError: the disk refuses; a file that had the name before is untouched.
    """
    _fsync_file(finished)
    if mode is not None:
        finished.chmod(stat.S_IMODE(mode))
    finished.replace(path)
    fsync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder atomically: a kill leaves no part of it under its name.

    Raises:
        OSError: the disk refuses.
    """
    with _naming(path), _staging_folder(path.parent) as folder:
        path.rename(folder / "old")


def discard(folder: Path) -> None:
    """Remove a folder that another thread may be writing into: it is renamed first, so that nothing new gets in."""
    with suppress(OSError):
        folder = folder.rename(folder.with_name(f"{STAGING}{folder.name.removeprefix(STAGING)}-"))
    shutil.rmtree(folder, ignore_errors=True)


def remove_strays(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; what a running process is writing stays."""
    for stray in folder.glob(f"{STAGING}*"):
        with suppress(OSError):  # it is locked, or cannot be: then it stays
            with FileLock(stray / _LOCK, timeout=0):
                shutil.rmtree(stray, ignore_errors=True)
            if os.name == "nt":  # where a held lock stays until its release; by now there may be a new folder
                stray.rmdir()


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents so that they survive a power cut.

    Raises:
        OSError: the disk refuses, or a file has one of these names.
    """
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
        missing.mkdir(exist_ok=True)
        fsync_folder(missing.parent)


def fsync_folder(folder: Path) -> None:
    """Make the renames in a folder survive a power cut, if the system can."""
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
    """Append to a file all of `content`, or nothing and raise OSError."""
    with path.open("ab", buffering=0) as file:  # a buffer would write it after all when it is closed
        start, remaining = file.tell(), memoryview(content)
        try:
            while remaining:
                remaining = remaining[file.write(remaining) :]
        except OSError:
            with suppress(OSError):
                os.truncate(path, start)
            raise


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append all lines to a file, or none and raise OSError. Half a line that a kill left is not continued."""
    content = "".join(f"{line}\n" for line in lines).encode(errors="surrogatepass")
    with suppress(OSError), path.open("rb") as file:  # it is empty, or not there yet
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            content = b"\n" + content
    append(path, content)


def free_path(path: Path) -> Path:
    """The path, or the first of ``name-2.png``, ``name-3.png`` and so on that does not exist."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(free for free in chain([path], numbered) if not os.path.lexists(free))


def is_full(error: OSError) -> bool:
    """Whether a disk or a user's quota on it is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def reason(error: OSError) -> str:
    """The system's message and the path: ``No space left on device: out.png, which takes 3 MB``."""
    message = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return ", ".join([message, *getattr(error, "__notes__", ())])


def umask() -> int:
    """The permissions that this process withholds from its new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _mode(path: Path) -> int | None:
    """The kind and permissions of what a path leads to; None if it does not exist."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return mode


def _staged_path(folder: Path, path: Path) -> Path:
    """Where a file is staged: a short name with the same suffix."""
    return folder / f"new{path.suffix if len(path.suffix) <= _MAX_SUFFIX_LENGTH else ''}"


@contextmanager
def _staging_folder(parent: Path) -> Iterator[Path]:
    """A new locked folder beside a target; it is removed at the end with everything left in it."""
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
    for _ in range(_LOCK_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=parent))
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
            if (folder / _LOCK).exists():
                return folder, lock
            lock.release()
        except (Timeout, FileNotFoundError):  # another process took it for a stray
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
    """Make an OSError about a staged path name the path that it was to become."""
    try:
        yield
    except OSError as error:
        filename = str(error.filename or "")
        if error.errno is None or (filename and STAGING not in filename):
            raise  # it has a message of its own, or is about another path
        inside = Path(filename.rpartition(STAGING)[2]).parts[2:]  # without the staging folder and the staged name
        raise OSError(error.errno, error.strerror, str(path.joinpath(*inside))) from error
