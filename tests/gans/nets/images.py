"""What the tests of several nets need: images, and which pixels an output depends on."""

import torch
from torch import Tensor, nn

from ganctl.gans.nets.layers import shared_statistics


def parameter_count(net: nn.Module) -> int:
    """The number of a net's parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def noise(count: int, size: int, channels: int = 3) -> Tensor:
    """Noise in [-1, 1]."""
    return 2 * torch.rand(count, channels, size, size) - 1


def receptive_rows(net: nn.Module, size: int, row: int, column: int | slice) -> Tensor:
    """The rows of the input that a row of the output, or one value of it, depends on, the norms apart."""
    image = noise(1, size).requires_grad_()
    with shared_statistics(net, image):
        (gradient,) = torch.autograd.grad(net(image)[0, :, row, column].sum(), image)
    return gradient.abs().sum((0, 1, 3)).nonzero().flatten()
