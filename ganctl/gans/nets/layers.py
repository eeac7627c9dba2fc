"""Dropout, instance norm and a convolution that are faster on the CPU than PyTorch's or can do more; first weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RANDOM_VALUES = 2**16  # of the 16 bits that decide whether a value is dropped


class Dropout(nn.Module):
    """Zero each value with probability `p` and scale the others to the same mean, in place.

    On the CPU sixteen random bits decide on each value, which is several times as fast as PyTorch's Bernoulli
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
        """Any shape, any values → the same shape; in evaluation mode `x` itself."""
        if not self.training:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p, inplace=True)
        return x.mul_(self.mask(x))

    def mask(self, x: Tensor) -> Tensor:
        """Draw the factors, 0 or 1 / (1 − p), in the shape and memory format of `x`."""
        dropped = round(self.p * RANDOM_VALUES)
        mask = torch.empty_like(x)
        words = torch.empty(-(-mask.numel() // 4), dtype=torch.int64).random_(-(2**63), None)  # all 64 bits
        values = words.view(torch.int16).as_strided(mask.shape, mask.stride())  # −32768 to 32767
        torch.ge(values, dropped - RANDOM_VALUES // 2, out=mask)
        return mask.mul_(RANDOM_VALUES / (RANDOM_VALUES - dropped))

    def extra_repr(self) -> str:
        """The arguments, as `print` shows them."""
        return f"p={self.p}"


class InstanceNorm(nn.Module):
    """Bring every channel of every sample to mean 0 and variance 1 (Ulyanov et al. 2016, equation 4).

    The variance is the biased one. Unlike PyTorch's layer it takes maps of a single value, which become 0; on the CPU
    it calls PyTorch's group norm with one group per channel, the same mathematics in a third of the time; and
    `shared_statistics` can fix its statistics.

    Args:
        channels: channels of the input.
        affine: learn a gain and a shift for each channel, which start at 1 and 0.
        eps: added to the variance.
    """

    def __init__(self, channels: int, affine: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.records = False
        self.fixed: tuple[Tensor, Tensor] | None = None  # mean and deviation, [N, channels, 1, 1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W], any values → the same shape."""
        if self.records:
            variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
            self.fixed = mean, (variance + self.eps).sqrt()
        if self.fixed is not None:
            return self.normalise(x, *self.fixed)
        if torch.compiler.is_compiling():  # the compiler fuses this with the layers around it
            values = x.float()
            variance, mean = torch.var_mean(values, (2, 3), correction=0, keepdim=True)
            return self.normalise(values, mean, (variance + self.eps).sqrt()).to(x.dtype)
        if x.device.type == "cpu":
            return torch.group_norm(x, self.channels, self.weight, self.bias, self.eps)
        return torch.instance_norm(
            x, self.weight, self.bias, None, None, True, 0.0, self.eps, torch.backends.cudnn.enabled
        )

    def normalise(self, x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Normalise `x` by given statistics, in two passes over it."""
        gain = 1 / deviation if self.weight is None else self.weight[:, None, None] / deviation
        shift = -mean * gain if self.bias is None else self.bias[:, None, None] - mean * gain
        return torch.addcmul(shift, x, gain)

    def extra_repr(self) -> str:
        """The arguments, as `print` shows them."""
        return f"{self.channels}, affine={self.weight is not None}"


@contextmanager
def shared_statistics(net: nn.Module, image: Tensor) -> Iterator[None]:
    """Make every `InstanceNorm` of a net normalise by the statistics that it has on one image, inside a ``with``.

    So the tiles of an image that is too large for one pass fit together: a tile comes out as that part of the whole
    image would, but for its border, where padding stands for its neighbours.

    The statistics live in the layers, outside of the state dict, until the end: one thread at a time, and no
    second use inside the first.

    Args:
        net: any net.
        image: [1, channels, H, W], the whole image, perhaps a smaller copy of it; it is run through `net` once.
    """
    norms = [module for module in net.modules() if isinstance(module, InstanceNorm)]
    try:
        for norm in norms:
            norm.records = True
        with torch.no_grad():
            net(image)
        for norm in norms:
            norm.records = False
        yield
    finally:
        for norm in norms:
            norm.records, norm.fixed = False, None


class FewOutputs(nn.Conv2d):
    """A convolution of stride 1, without padding, to few channels, such as the three of an image.

    On the CPU PyTorch computes as many output channels as a vector register holds and throws most of them away. So each
    column of the kernel gets output channels of its own there, which are then shifted and added: the same sums in a
    third of the time for a 7×7 kernel from 64 channels to 3. Parameters are those of `nn.Conv2d`.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel: height and width of the kernel.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(channels_in, channels_out, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels_in, H, W] → [N, channels_out, H − kernel + 1, W − kernel + 1]."""
        if x.device.type != "cpu":
            return super().forward(x)
        k = self.kernel_size[1]
        columns = self.weight.flip(3).permute(0, 3, 1, 2).flatten(0, 1)[..., None]  # [out · k, in, k, 1]
        partial = F.conv2d(x, columns)
        size = (partial.shape[2], partial.shape[3] - k + 1)
        summed = F.fold(partial.flatten(2), size, (1, k), padding=(0, k - 1))
        return summed if self.bias is None else summed + self.bias[:, None, None]


class _Saturate(torch.autograd.Function):
    """`saturate`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Any values → [-1, 1]."""
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The gradient, but 0 where a step against it would lead further out."""
        ((x,), (gradient,)) = ctx.saved_tensors, gradients
        return gradient.masked_fill((x.abs() > 1) & (x.sign() * gradient < 0), 0)


def saturate(x: Tensor) -> Tensor:
    """Clamp to [-1, 1] with a gradient that leads back; that of `F.hardtanh` is 0 outside, so what is there stays.

    Args:
        x: any shape, any values.
    """
    saturated: Tensor = _Saturate.apply(x)
    return saturated


def init_normal(module: nn.Module) -> None:
    """Set a layer's weights from N(0, 0.02), a norm's gains from N(1, 0.02), and all biases and shifts to 0.

    The weights are those of Radford et al. 2015, section 4; the gains follow PyTorch's DCGAN example.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, InstanceNorm | nn.BatchNorm2d) and module.weight is not None:
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
