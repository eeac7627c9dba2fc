"""Layers that PyTorch has too, but slower on the CPU or without what ganctl needs of them."""

from collections.abc import Iterator
from contextlib import contextmanager

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


class InstanceNorm(nn.Module):
    """Bring every channel of every sample to mean 0 and variance 1 (Ulyanov et al. 2016, equation 4).

    The variance is the biased one. Other than PyTorch's it takes maps of one value, which become 0, its CPU
    kernel is PyTorch's group norm with a group for every channel, the same mathematics in a third of the time,
    and `shared_statistics` can hold its statistics.

    Args:
        channels: of the maps.
        affine: learn a gain and a shift for each channel, which start at 1 and 0.
        eps: added to the variance.
    """

    def __init__(self, channels: int, affine: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.keeps = False
        self.kept: tuple[Tensor, Tensor] | None = None  # mean and deviation, [N, channels, 1, 1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W], any values."""
        if self.keeps:
            variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
            self.kept = mean, (variance + self.eps).sqrt()
        if self.kept is not None:
            return self.normalised(x, *self.kept)
        if torch.compiler.is_compiling():  # the compiler joins this with what is around it into one kernel
            values = x.float()
            variance, mean = torch.var_mean(values, (2, 3), correction=0, keepdim=True)
            return self.normalised(values, mean, (variance + self.eps).sqrt()).to(x.dtype)
        if x.device.type == "cpu":
            return torch.group_norm(x, self.channels, self.weight, self.bias, self.eps)
        return torch.instance_norm(
            x, self.weight, self.bias, None, None, True, 0.0, self.eps, torch.backends.cudnn.enabled
        )

    def normalised(self, x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """`x` by given statistics, in two passes over it."""
        gain = 1 / deviation if self.weight is None else self.weight[:, None, None] / deviation
        shift = -mean * gain if self.bias is None else self.bias[:, None, None] - mean * gain
        return torch.addcmul(shift, x, gain)

    def extra_repr(self) -> str:
        """What `print` shows in the brackets."""
        return f"{self.channels}, affine={self.weight is not None}"


@contextmanager
def shared_statistics(net: nn.Module, picture: Tensor) -> Iterator[None]:
    """Inside, every `InstanceNorm` of `net` normalises by the statistics that it has on `picture`.

    So the parts of a picture that is too large for one pass come out as parts of one picture. A part is then
    what the whole would give, but for its border, where padding stands for its neighbours.

    The statistics live in the layers, outside of the state dict, until the end: one thread at a time, and no
    second use inside the first.

    Args:
        net: any net.
        picture: [1, channels, H, W], the whole picture, perhaps a smaller copy of it; run through `net` once.
    """
    norms = [module for module in net.modules() if isinstance(module, InstanceNorm)]
    try:
        for norm in norms:
            norm.keeps = True
        with torch.no_grad():
            net(picture)
        for norm in norms:
            norm.keeps = False
        yield
    finally:
        for norm in norms:
            norm.keeps, norm.kept = False, None


class FewOutputs(nn.Conv2d):
    """A square convolution of stride 1, without padding, to few channels, such as the three of a picture.

    On the CPU PyTorch computes as many outputs as a vector register holds and throws most of them away. There
    each column of the kernel gets outputs of its own instead, which are then added at their places: the same
    sums in a third of the time for a 7×7 kernel from 64 channels to 3. Parameters are those of `nn.Conv2d`.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        kernel: side of the kernel.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(channels_in, channels_out, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels_in, H, W] → [N, channels_out, H − kernel + 1, W − kernel + 1]."""
        if x.device.type != "cpu":
            return super().forward(x)
        side = self.kernel_size[1]
        columns = self.weight.flip(3).permute(0, 3, 1, 2).flatten(0, 1)[..., None]  # [out · side, in, side, 1]
        parts = F.conv2d(x, columns)
        size = (parts.shape[2], parts.shape[3] - side + 1)
        summed = F.fold(parts.flatten(2), size, (1, side), padding=(0, side - 1))
        return summed if self.bias is None else summed + self.bias[:, None, None]
