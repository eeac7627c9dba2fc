"""A small DCGAN pair for quick training on a CPU.

The shape of the DCGAN of Radford et al. 2015 (https://arxiv.org/abs/1511.06434, figure 1), without batch
normalisation: R1 keeps the discriminator smooth instead (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).
"""

import math

import torch
from torch import Tensor, nn


def stages(size: int) -> tuple[int, int]:
    """Split a picture's side into the coarsest map's side, 4 to 8, and the number of doublings, at least one.

    28 → (7, 2), 32 → (8, 2), 64 → (8, 3), 128 → (8, 4). The largest coarsest side that fits is taken.

    Raises:
        ValueError: no coarsest side from 4 to 8 doubles up to `size`.
    """
    for side in (8, 7, 6, 5, 4):
        doublings = int(math.log2(size // side)) if size > side else 0
        if doublings and side << doublings == size:
            return side, doublings
    raise ValueError(
        f"A compact network cannot draw {size} pixels: the size must be 4, 5, 6, 7 or 8 "
        "doubled once or more, such as 28, 32, 64 or 128."
    )


class Generator(nn.Module):
    """Draw pictures from latents: a linear map, then 4×4 transposed convolutions of stride 2.

    Args:
        latent: the latents' dimension.
        size: the picture's side in pixels, as `stages` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the finest hidden map; each coarser one has twice as many.

    Raises:
        ValueError: `stages` refuses the size.
    """

    def __init__(self, latent: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.side, doublings = stages(size)
        widths = [width << level for level in reversed(range(doublings))]
        self.input = nn.Linear(latent, widths[0] * self.side**2)
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)
            for a, b in zip(widths, [*widths[1:], channels], strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents [N, latent] to pictures [N, channels, size, size] in [-1, 1]."""
        x = self.input(z).unflatten(1, (-1, self.side, self.side))
        for layer in self.layers:
            x = layer(nn.functional.leaky_relu(x, 0.2))
        return torch.tanh(x)


class Discriminator(nn.Module):
    """Judge pictures: the generator mirrored, 4×4 convolutions of stride 2, then a linear map to a logit.

    Args:
        size: the picture's side in pixels, as `stages` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the finest hidden map; each coarser one has twice as many.

    Raises:
        ValueError: `stages` refuses the size.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        side, doublings = stages(size)
        widths = [width << level for level in range(doublings)]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.output = nn.Linear(widths[-1] * side**2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures [N, channels, size, size] in [-1, 1] to logits [N], high for real."""
        x = images
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        logits: Tensor = self.output(x.flatten(1)).squeeze(1)
        return logits
