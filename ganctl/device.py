"""Where a training runs: the choice of a device, its threads and its memory."""

import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganctl.errors import UsageError
from ganctl.threads import is_count_chosen, usable


def choose(name: str) -> torch.device:
    """The device that ``--device`` means; ``auto`` is CUDA, then MPS, then the CPU.

    Raises:
        UsageError: it is unknown, or not in this machine.
    """
    here = available()
    if name == "auto":
        return torch.device(here[0])
    if not re.fullmatch(r"cpu|mps|cuda(:(0|[1-9][0-9]*))?", name):
        raise UsageError(f"There is no device {name!r}.", "Devices are auto, cpu, cuda, cuda:N and mps.")
    kind, _, index = name.partition(":")
    if kind not in here or (index and int(index) >= torch.cuda.device_count()):
        raise UsageError(f"This machine has no {name}.", f"It has: {', '.join(here)}.")
    return torch.device(name)


def available() -> list[str]:
    """The kinds of device in this machine, fastest first."""
    found = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]
    return [name for name, there in found if there]


def describe(device: torch.device) -> str:
    """What the last bits of a training depend on: ``cpu``, ``mps``, or the card as ``cuda (NVIDIA H100)``."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def default_threads() -> int:
    """The CPU threads to begin with: the user's choice, else torch's, but no more than can run here at once."""
    count = torch.get_num_threads()
    return count if is_count_chosen() else min(count, usable())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many CPU threads: the last bits of a sum depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def peak_memory(device: torch.device) -> int | None:
    """The most memory in bytes that this process has held, on the card or, without one, in RAM; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python or torch says that memory is full."""
    said = str(error)
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said


def memory_sentence() -> str:
    """What to say when memory is out: the measured peak on each device here."""
    peaks = {name: peak_memory(torch.device(name)) for name in available() if name != "mps"}
    held = ", ".join(f"{peak / 2**30:.1f} GiB on {name}" for name, peak in peaks.items() if peak is not None)
    return f"The memory is full{f'; the most that was held is {held}' if held else ''}."


def versions() -> dict[str, str]:
    """What a result depends on beside the settings."""
    from ganctl import __version__

    return {"ganctl": __version__, "torch": torch.__version__, "python": platform.python_version()}
