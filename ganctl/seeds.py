"""Derive every random number from (seed, stream, address), so that none depends on what was drawn before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class RandomStream(IntEnum):
    """The purpose of a random number; the numbers of two streams are independent."""

    ORDER = 1
    STEP = 2
    PREVIEW = 3
    SAMPLE = 4
    WEIGHTS = 5
    HELD_OUT = 6
    JITTER = 7
    CLASSES = 8


def mix(seed: int, stream: RandomStream, *address: int) -> int:
    """Derive a 63-bit seed for one address of one stream, such as (step,) or (epoch, domain).

    Sums of seeds collide and neighbouring seeds correlate; `numpy.random.SeedSequence` does neither.
    """
    low, high = np.random.SeedSequence([seed, stream, *address]).generate_state(2)
    return (int(high) << 32 | int(low)) & (2**63 - 1)


@contextmanager
def seeded(device: torch.device, seed: int, stream: RandomStream, *address: int) -> Iterator[None]:
    """Run a block under torch's global generators seeded for an address, and restore their state after it."""
    accelerators = [] if device.type == "cpu" else [device.index or 0]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices=accelerators, device_type=kind):
        torch.default_generator.manual_seed(mix(seed, stream, *address))
        if accelerators:
            torch.get_device_module(device).manual_seed(mix(seed, stream, *address))
        yield
