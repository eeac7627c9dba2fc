"""Choose the number of CPU threads and how they wait for each other; this runs before torch is loaded.

OpenMP's threads spin at barriers until all have arrived. Where another process wants the same cores, they spin for
one that is not running: beside one busy process on two cores, training fell to a third of its speed, and to a seventh
beside more. Sleeping after a short spin costs nothing on an idle machine.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path, PurePosixPath

_CGROUPS, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_WAITING = {
    "GOMP_SPINCOUNT": "1000",  # GNU's runtime, in torch's Linux wheels: turns of its loop; by default billions
    "KMP_BLOCKTIME": "1",  # Intel's and LLVM's, on macOS, Windows and conda: milliseconds; by default 200
}
_WAITING_CHOSEN = {*_WAITING, "OMP_WAIT_POLICY", "KMP_LIBRARY"}
_COUNT_CHOSEN = {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}


def configure() -> None:
    """Set up the OpenMP runtime that torch will bring; if torch is loaded already, nothing is changed."""
    if "torch" not in sys.modules:
        choose(os.environ)


def choose(environment: MutableMapping[str, str]) -> None:
    """Set what the environment leaves open: how threads wait, and how many there are under a CPU quota."""
    if not environment.keys() & _WAITING_CHOSEN:
        environment.update(_WAITING)
    if not is_count_chosen(environment) and (count := usable()) < cores():
        environment["OMP_NUM_THREADS"] = str(count)


def is_count_chosen(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment says how many threads there are."""
    return bool(environment.keys() & _COUNT_CHOSEN)


def cores() -> int:
    """The logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable() -> int:
    """The threads that can run at once: one for each core, and no more than the CPU quota allows."""
    limit = quota()
    return cores() if limit is None else max(1, min(cores(), int(limit)))


def resumed(recorded: int) -> tuple[int, str]:
    """The threads to resume a run with, and a warning if they are not those that it began with.

    Only a CPU quota makes them fewer, because it halts a process that exceeds it. On fewer cores the number stays,
    because the last bits of a sum depend on it.

    Args:
        recorded: the threads that the run began with.
    """
    limit = quota()
    count = recorded if limit is None else min(recorded, max(1, int(limit)))
    if count == recorded:
        return count, ""
    return count, (
        f"The run began with {recorded} CPU threads, and the CPU quota here allows {count}: "
        f"it continues with {count}, and its last bits may differ."
    )


def quota(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> float | None:
    """The CPU quota of this process in cores, from its control groups; None if they set no limit.

    The tightest limit of its group and all groups above it counts, in version 1 (``cpu.cfs_quota_us``) and 2
    (``cpu.max``).

    Args:
        cgroups: where the control groups are mounted.
        membership: the file that lists the groups of this process, as ``/proc/self/cgroup`` does.
    """
    limits: list[float] = []
    for line in _read(membership).splitlines():
        _, _, fields = line.partition(":")
        controllers, _, group = fields.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = (controllers, "cpu") if controllers else ("", "unified")
        ancestors = [str(path).lstrip("/") for path in (PurePosixPath(group), *PurePosixPath(group).parents)]
        folders = [cgroups / mount / path for mount in mounts for path in ancestors]
        limits += [limit for folder in folders if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def _limit(folder: Path) -> float | None:
    """The quota of one control group in cores; None if it sets no limit."""
    texts = _read(folder / "cpu.max").split() or [
        _read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")
    ]
    try:
        time, period = map(int, texts)
    except ValueError:  # "max", or no such file
        return None
    return time / period if time > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""
