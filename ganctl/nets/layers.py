"""Layers that PyTorch has too, but slower on the CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 2**16  # of the random integers that decide


class Dropout(nn.Module):
    """Zero each value with probability `p` and scale the others to the same mean, in place.

    On the CPU sixteen random bits decide on a value, which is several times as fast as PyTorch's Bernoulli
    draws: `p` is rounded to the nearest 1/65536, and the scale is that of the rounded `p`. The bits come from
    torch's global generator, in the order of memory, so `torch.manual_seed` repeats them. Other devices have
    PyTorch's own dropout.

    Args:
        p: the probability, in [0, 1).

    Raises:
        ValueError: `p` is outside of [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"A dropout probability is at least 0 and less than 1, not {p}.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, any values; in evaluation `x` itself."""
        if not self.training:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p, inplace=True)
        return x.mul_(self.mask(x))

    def mask(self, x: Tensor) -> Tensor:
        """0 or 1 / (1 − p), in the shape and memory layout of `x`."""
        dropped = round(self.p * LEVELS)
        mask = torch.empty_like(x)
        words = torch.empty(-(-mask.numel() // 4), dtype=torch.int64).random_(-(2**63), None)  # all 64 bits
        levels = words.view(torch.int16).as_strided(mask.shape, mask.stride())  # −32768 to 32767
        torch.ge(levels, dropped - LEVELS // 2, out=mask)
        return mask.mul_(LEVELS / (LEVELS - dropped))

    def extra_repr(self) -> str:
        """What `print` shows in the brackets."""
        return f"p={self.p}"
