"""Randomness as a function: what is drawn depends on the seed and on where it is drawn, not on what came before."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What a random number is for. Numbers of two streams never meet."""

    ORDER = 1
    STEP = 2
    PREVIEW = 3
    SAMPLE = 4
    WEIGHTS = 5
    HELD_OUT = 6
    JITTER = 7


def mix(seed: int, stream: Stream, *address: int) -> int:
    """A 63-bit seed for one place of one stream.

    Sums of seeds collide and neighbouring seeds correlate; `numpy.random.SeedSequence` does neither.
    """
    low, high = np.random.SeedSequence([seed, stream, *address]).generate_state(2)
    return (int(high) << 32 | int(low)) & (2**63 - 1)


@contextmanager
def seeded(device: torch.device, seed: int, stream: Stream, *address: int) -> Iterator[None]:
    """Run a block under torch's global generators seeded for a place; the caller's state comes back after it."""
    accelerators = [] if device.type == "cpu" else [device.index or 0]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices=accelerators, device_type=kind):
        torch.default_generator.manual_seed(mix(seed, stream, *address))
        if accelerators:
            torch.get_device_module(device).manual_seed(mix(seed, stream, *address))
        yield
