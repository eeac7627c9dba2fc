"""A small DCGAN pair for quick training on a CPU.

The shape of the DCGAN of Radford et al. 2015 (https://arxiv.org/abs/1511.06434, figure 1), without batch
normalisation: R1 keeps the discriminator smooth instead (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).
Residual 3×3 convolutions (He et al. 2016, https://arxiv.org/abs/1603.05027) deepen both where that is cheap.
"""

import math

import torch
import torch.nn.functional as F
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


def channels_per_map(width: int, doublings: int) -> list[int]:
    """The hidden maps' channels, finest first: width / 4 (rounded up), then width, 2 width, 4 width and so on.

    The finest map is thin because it would cost the most: it has the most pixels.
    """
    return [-(-width // 4), *(width << level for level in range(doublings - 1))]


class Generator(nn.Module):
    """Draw pictures: a linear map, then at each scale a residual 3×3 and a 4×4 transposed convolution of stride 2.

    Args:
        latent: the latents' dimension.
        size: the picture's side in pixels, as `stages` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the second finest hidden map; see `channels_per_map`.

    Raises:
        ValueError: `stages` refuses the size.
    """

    def __init__(self, latent: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.side, doublings = stages(size)
        finest, *others = channels_per_map(width, doublings)
        maps = [*reversed(others), finest]
        self.input = nn.Linear(latent, self.side**2 * maps[0])
        self.mixes = nn.ModuleList(nn.Conv2d(c, c, 3, padding=1) for c in maps)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(c, to, 4, stride=2, padding=1) for c, to in zip(maps, [*maps[1:], channels], strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents [N, latent] to pictures [N, channels, size, size] in [-1, 1]."""
        x = self.input(z).unflatten(1, (self.side, self.side, -1)).movedim(-1, 1)  # channels-last at no cost
        for mix, up in zip(self.mixes, self.ups, strict=True):
            x = x + mix(F.leaky_relu(x, 0.2))
            x = up(F.leaky_relu(x, 0.2))
        return torch.tanh(x)


class Discriminator(nn.Module):
    """Judge pictures: 4×4 convolutions of stride 2, a residual 3×3 at the coarsest map, a linear map to a logit.

    Args:
        size: the picture's side in pixels, as `stages` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the second finest hidden map; see `channels_per_map`.

    Raises:
        ValueError: `stages` refuses the size.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        side, doublings = stages(size)
        maps = channels_per_map(width, doublings)
        self.downs = nn.ModuleList(
            nn.Conv2d(c, to, 4, stride=2, padding=1) for c, to in zip([channels, *maps[:-1]], maps, strict=True)
        )
        self.mix = nn.Conv2d(maps[-1], maps[-1], 3, padding=1)
        self.output = nn.Linear(maps[-1] * side**2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures [N, channels, size, size] in [-1, 1] to logits [N], high for real."""
        x = images
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
        x = F.leaky_relu(x + self.mix(x), 0.2)
        logits: Tensor = self.output(x.flatten(1)).squeeze(1)
        return logits
