"""A small DCGAN pair for quick training on a CPU.

The shape of the DCGAN of Radford et al. 2015 (https://arxiv.org/abs/1511.06434, figure 1), with batch norm in the
generator alone: R1 keeps the discriminator smooth (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).
Residual 3×3 convolutions (He et al. 2016, https://arxiv.org/abs/1603.05027) deepen both where that is cheap.
Dense layers do what these small kernels cannot, see the whole picture, for few operations: a mapping network bends
the latents round the kinds of pictures (Karras et al. 2019, https://arxiv.org/abs/1812.04948, section 2), and a
hidden layer lets the discriminator judge how the parts go together.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WHOLE = 128  # values of the discriminator's hidden layer
HIDDEN = 256  # values of the mapping network's layers
MOMENTUM = 0.02  # of batch norm's running statistics: they go with averaged weights, which move slowly


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
    """Draw pictures: a mapping network, a linear map, then at each scale a 3×3 residual and a 4×4 stride-2 upwards.

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
        self.mapping = nn.Sequential(*dense(latent, HIDDEN), *dense(HIDDEN, HIDDEN))
        self.input = nn.Linear(HIDDEN, self.side**2 * maps[0], bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(c, momentum=MOMENTUM) for c in maps)
        self.mixes = nn.ModuleList(nn.Conv2d(c, c, 3, padding=1) for c in maps)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(c, to, 4, stride=2, padding=1) for c, to in zip(maps, [*maps[1:], channels], strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents [N, latent] to pictures [N, channels, size, size] in [-1, 1]."""
        x = self.input(self.mapping(z)).unflatten(1, (self.side, self.side, -1)).movedim(-1, 1)  # channels-last, free
        for norm, mix, up in zip(self.norms, self.mixes, self.ups, strict=True):
            x = norm(x)
            x = x + mix(F.leaky_relu(x, 0.2))
            x = up(F.leaky_relu(x, 0.2))
        return torch.tanh(x)


def dense(values_in: int, values_out: int) -> tuple[nn.Module, ...]:
    """A layer of the mapping network."""
    linear = nn.Linear(values_in, values_out, bias=False)
    return linear, nn.BatchNorm1d(values_out, momentum=MOMENTUM), nn.LeakyReLU(0.2)


class Discriminator(nn.Module):
    """Judge pictures: 4×4 convolutions of stride 2, a residual 3×3 at the coarsest map, two dense layers to a logit.

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
        self.hidden = nn.Linear(maps[-1] * side**2, WHOLE)
        self.output = nn.Linear(WHOLE, 1)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures [N, channels, size, size] in [-1, 1] to logits [N], high for real."""
        x = images
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
        x = F.leaky_relu(x + self.mix(x), 0.2)
        x = F.leaky_relu(self.hidden(x.flatten(1)), 0.2)
        logits: Tensor = self.output(x).squeeze(1)
        return logits


def initialise(module: nn.Module) -> None:
    """He's normal weights for leaky ReLU (He et al. 2015, equation 15) and no bias: no norm keeps the scale here."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, 0.2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
