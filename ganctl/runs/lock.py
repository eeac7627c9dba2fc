"""Let one process at a time write a run."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ganctl.errors import GanctlError

_LOCK, _OWNER = ".lock", ".owner"
_WAIT_SECONDS = 0.5  # for a process that holds the lock only to see whether there is a writer


@contextmanager
def one_writer(run: Path, process: str) -> Iterator[None]:
    """Hold a run's lock.

    Args:
        run: its folder.
        process: names this process to one that is refused meanwhile.

    Raises:
        GanctlError: another process holds it; that one is named.
    """
    lock, owner = FileLock(run / _LOCK), run / _OWNER
    try:
        lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        writer = "another process"
        with suppress(OSError):
            writer = owner.read_text(encoding="utf-8", errors="replace")
        raise GanctlError(f"{run} is being written by {writer}.", "Stop it first, or wait.") from None
    try:
        with suppress(OSError):
            owner.write_bytes(process.encode(errors="replace"))
        yield
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def is_held(run: Path) -> bool:
    """Whether some process holds a run's lock; False where that cannot be found out."""
    if not (run / _LOCK).exists():
        return False
    try:
        with FileLock(run / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a run that this user may only read
        return False
