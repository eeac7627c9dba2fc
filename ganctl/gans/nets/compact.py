"""A small DCGAN pair for quick training on a CPU.

The shape of the DCGAN of Radford et al. 2015 (https://arxiv.org/abs/1511.06434, figure 1), without batch
normalisation: R1 keeps the discriminator smooth instead (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406).
Residual 3×3 convolutions (He et al. 2016, https://arxiv.org/abs/1603.05027) deepen both where that is cheap.
Dense layers see the whole image, which these small kernels cannot, for few operations: a mapping network bends the
latents round the kinds of images (Karras et al. 2019, https://arxiv.org/abs/1812.04948, section 2), and a hidden layer
lets the discriminator see how the parts go together.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN_UNITS = 128  # of the discriminator's hidden layer
MAPPING_UNITS = 256  # of each layer of the mapping network
SLOPE = 0.2  # of leaky ReLU below 0
LINEAR_GAIN = math.sqrt(0.5)  # over He's, where no leaky ReLU halves the power

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def coarsest_map(size: int) -> tuple[int, int]:
    """Split an image size into the size of the coarsest map, 4 to 8, and the number of doublings, at least one.

    28 → (7, 2), 32 → (8, 2), 64 → (8, 3), 128 → (8, 4). The largest coarsest map that fits is taken.

    Raises:
        ValueError: no map of 4 to 8 pixels doubles up to `size`.
    """
    for start in (8, 7, 6, 5, 4):
        doublings = int(math.log2(size // start)) if size > start else 0
        if doublings and start << doublings == size:
            return start, doublings
    raise ValueError(
        f"A compact network cannot generate images of {size} pixels: the size must be 4, 5, 6, 7 or 8 "
        "doubled once or more, such as 28, 32, 64 or 128."
    )


def channels_per_map(width: int, doublings: int, thinning: int) -> list[int]:
    """Channels of the hidden maps, finest first: width / thinning (rounded up), width, 2 width, 4 width and so on.

    The finest map is thin because it would cost the most: it has the most pixels.
    """
    return [-(-width // thinning), *(width << exponent for exponent in range(doublings - 1))]


class Generator(nn.Module):
    """A mapping network, a dense layer, then for each doubling a residual 3×3 and a 4×4 transposed convolution.

    Args:
        latent: length of the latent vector.
        size: height and width of the images in pixels, as `coarsest_map` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the second finest hidden map; see `channels_per_map`.

    Raises:
        ValueError: `coarsest_map` refuses the size.
    """

    def __init__(self, latent: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.start_size, doublings = coarsest_map(size)
        finest, *coarser = channels_per_map(width, doublings, thinning=4)
        maps = [*reversed(coarser), finest]
        gains = [*[1.0] * len(coarser), LINEAR_GAIN]
        self.mapping = nn.ModuleList(
            [he_init(nn.Linear(latent, MAPPING_UNITS), LINEAR_GAIN), he_init(nn.Linear(MAPPING_UNITS, MAPPING_UNITS))]
        )
        self.input = he_init(nn.Linear(MAPPING_UNITS, self.start_size**2 * maps[0]))
        self.mixes = nn.ModuleList(he_init(nn.Conv2d(c, c, 3, padding=1), 0.5) for c in maps)
        self.ups = nn.ModuleList(
            he_init(nn.ConvTranspose2d(c, to, 4, stride=2, padding=1), gain)
            for c, to, gain in zip(maps, [*maps[1:], channels], gains, strict=True)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Latents [N, latent] → images [N, channels, size, size] in [-1, 1]."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)  # on a sphere (Karras et al. 2018, section 4.2)
        for layer in self.mapping:
            x = F.leaky_relu(layer(x), SLOPE)
        x = self.input(x).unflatten(1, (self.start_size, self.start_size, -1)).movedim(-1, 1)  # channels-last, no copy
        for mix, up in zip(self.mixes, self.ups, strict=True):
            x = x + mix(F.leaky_relu(x, SLOPE))
            x = up(F.leaky_relu(x, SLOPE))
        return torch.tanh(x)


class Encoder(nn.Module):
    """4×4 convolutions of stride 2, and a residual 3×3 on the coarsest map: what discriminators begin with.

    Args:
        size: height and width of the images in pixels, as `coarsest_map` accepts.
        channels: 1 for grey, 3 for colour.
        width: channels of the second finest hidden map; see `channels_per_map`.

    Attributes:
        start_size: height and width of the coarsest map.
        coarsest_channels: its channels.

    Raises:
        ValueError: `coarsest_map` refuses the size.
    """

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.start_size, doublings = coarsest_map(size)
        maps = channels_per_map(width, doublings, thinning=2)
        self.coarsest_channels = maps[-1]
        self.downs = nn.ModuleList(
            he_init(nn.Conv2d(c, to, 4, stride=2, padding=1))
            for c, to in zip([channels, *maps[:-1]], maps, strict=True)
        )
        self.mix = he_init(nn.Conv2d(maps[-1], maps[-1], 3, padding=1), 0.5)

    def encode(self, images: Tensor) -> Tensor:
        """Images [N, channels, size, size] in [-1, 1] → [N, coarsest_channels, start_size, start_size]."""
        x = images
        for down in self.downs:
            x = F.leaky_relu(down(x), SLOPE)
        return F.leaky_relu(x + self.mix(x), SLOPE)


class Discriminator(Encoder):
    """An `Encoder`, and two dense layers to a logit; arguments and errors are the same."""

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__(size, channels, width)
        self.hidden = he_init(nn.Linear(self.coarsest_channels * self.start_size**2, HIDDEN_UNITS))
        self.output = he_init(nn.Linear(HIDDEN_UNITS, 1), LINEAR_GAIN)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, channels, size, size] in [-1, 1] → logits [N], high for real."""
        x = F.leaky_relu(self.hidden(self.encode(images).flatten(1)), SLOPE)
        logits: Tensor = self.output(x).squeeze(1)
        return logits


def he_init(layer: Layer, gain: float = 1.0) -> Layer:
    """Initialise a layer with He's normal weights and zero biases (He et al. 2015, equation 10).

    Args:
        layer: the layer, which is returned. Of a transposed convolution, only inputs that meet in one pixel count.
        gain: a factor of He's standard deviation, √(2 / inputs).
    """
    inputs = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        inputs = layer.in_channels * math.prod(layer.kernel_size) // math.prod(layer.stride)
    nn.init.normal_(layer.weight, std=gain * math.sqrt(2 / inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
