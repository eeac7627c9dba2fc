"""A small DCGAN pair for quick training on a CPU.

The shape of the DCGAN of Radford et al. 2015 (https://arxiv.org/abs/1511.06434, figure 1), without batch
normalisation: R1 keeps the discriminator smooth instead (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).
Residual 3×3 convolutions (He et al. 2016, https://arxiv.org/abs/1603.05027) deepen both where that is cheap.
Dense layers do what these small kernels cannot, see the whole picture, for few operations: a mapping network bends
the latents round the kinds of pictures (Karras et al. 2019, https://arxiv.org/abs/1812.04948, section 2), and a
hidden layer lets the discriminator judge how the parts go together.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WHOLE = 128  # values of the discriminator's hidden layer
HIDDEN = 256  # values of the mapping network's layers
SLOPE = 0.2  # of leaky ReLU below 0
LINEAR = math.sqrt(0.5)  # the share of He's gain where no leaky ReLU halves the power

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


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


def channels_per_map(width: int, doublings: int, thinning: int) -> list[int]:
    """The hidden maps' channels, finest first: width / thinning (rounded up), then width, 2 width, 4 width and so on.

    The finest map is thin because it would cost the most: it has the most pixels.
    """
    return [-(-width // thinning), *(width << level for level in range(doublings - 1))]


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
        finest, *others = channels_per_map(width, doublings, thinning=4)
        maps = [*reversed(others), finest]
        self.mapping = nn.ModuleList([he(nn.Linear(latent, HIDDEN), LINEAR), he(nn.Linear(HIDDEN, HIDDEN))])
        self.input = he(nn.Linear(HIDDEN, self.side**2 * maps[0]))
        self.mixes = nn.ModuleList(he(nn.Conv2d(c, c, 3, padding=1), 0.5) for c in maps)
        self.ups = nn.ModuleList(
            he(nn.ConvTranspose2d(c, to, 4, stride=2, padding=1), share)
            for c, to, share in zip(maps, [*maps[1:], channels], [*[1.0] * len(others), LINEAR], strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map latents [N, latent] to pictures [N, channels, size, size] in [-1, 1]."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)  # on a sphere (Karras et al. 2018, section 4.2)
        for layer in self.mapping:
            x = F.leaky_relu(layer(x), SLOPE)
        x = self.input(x).unflatten(1, (self.side, self.side, -1)).movedim(-1, 1)  # channels-last at no cost
        for mix, up in zip(self.mixes, self.ups, strict=True):
            x = x + mix(F.leaky_relu(x, SLOPE))
            x = up(F.leaky_relu(x, SLOPE))
        return torch.tanh(x)


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
        maps = channels_per_map(width, doublings, thinning=2)
        self.downs = nn.ModuleList(
            he(nn.Conv2d(c, to, 4, stride=2, padding=1)) for c, to in zip([channels, *maps[:-1]], maps, strict=True)
        )
        self.mix = he(nn.Conv2d(maps[-1], maps[-1], 3, padding=1), 0.5)
        self.hidden = he(nn.Linear(maps[-1] * side**2, WHOLE))
        self.output = he(nn.Linear(WHOLE, 1), LINEAR)

    def forward(self, images: Tensor) -> Tensor:
        """Map pictures [N, channels, size, size] in [-1, 1] to logits [N], high for real."""
        x = images
        for down in self.downs:
            x = F.leaky_relu(down(x), SLOPE)
        x = F.leaky_relu(x + self.mix(x), SLOPE)
        x = F.leaky_relu(self.hidden(x.flatten(1)), SLOPE)
        logits: Tensor = self.output(x).squeeze(1)
        return logits


def he(layer: Layer, share: float = 1.0) -> Layer:
    """The layer with He's normal weights, √(2 / inputs) wide, and no bias (He et al. 2015, equation 10).

    Args:
        layer: of a transposed convolution, only the inputs that meet in one pixel are counted.
        share: of that width.
    """
    inputs = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        inputs = layer.in_channels * math.prod(layer.kernel_size) // math.prod(layer.stride)
    nn.init.normal_(layer.weight, std=share * math.sqrt(2 / inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
