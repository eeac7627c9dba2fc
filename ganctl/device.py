"""Choose the device of a training, set its CPU threads and measure its memory."""

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
    kinds = available()
    if name == "auto":
        return torch.device(kinds[0])
    if not re.fullmatch(r"cpu|mps|cuda(:(0|[1-9][0-9]*))?", name):
        raise UsageError(f"There is no device {name!r}.", "Devices are auto, cpu, cuda, cuda:N and mps.")
    kind, _, index = name.partition(":")
    if kind not in kinds or (index and int(index) >= torch.cuda.device_count()):
        raise UsageError(f"This machine has no {name}.", f"It has: {', '.join(kinds)}.")
    return torch.device(name)


def available() -> list[str]:
    """The kinds of device in this machine, fastest first."""
    kinds = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]
    return [kind for kind, is_available in kinds if is_available]


def describe(device: torch.device) -> str:
    """The device as ``run.json`` records it, since the last bits of a training depend on it: ``cuda (NVIDIA H100)``."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def default_threads() -> int:
    """The CPU threads of a new run: the user's choice, else torch's, but no more than can run at once."""
    count = torch.get_num_threads()
    return count if is_count_chosen() else min(count, usable())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` CPU threads inside the block: the last bits of a sum depend on the number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def peak_memory(device: torch.device) -> int | None:
    """The peak memory of this process in bytes, on the card or, on a CPU, in RAM; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python or torch reports that memory is full."""
    message = str(error)
    return isinstance(error, MemoryError) or "out of memory" in message or "can't allocate memory" in message


def memory_sentence() -> str:
    """The sentence for a full memory, with the measured peak on each device of this machine."""
    peaks = {name: peak_memory(torch.device(name)) for name in available() if name != "mps"}
    held = ", ".join(f"{peak / 2**30:.1f} GiB on {name}" for name, peak in peaks.items() if peak is not None)
    return f"The memory is full{f'; the peak was {held}' if held else ''}."


def versions() -> dict[str, str]:
    """The versions of ganctl, torch and Python, which a result depends on beside its settings."""
    from ganctl import __version__

    return {"ganctl": __version__, "torch": torch.__version__, "python": platform.python_version()}
