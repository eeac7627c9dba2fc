"""The nets of TensorFlow's CycleGAN tutorial (https://www.tensorflow.org/tutorials/generative/cyclegan).

They are `pix2pix.unet_generator` and `pix2pix.discriminator` of tensorflow_examples with its instance norm, which
has a gain from N(1, 0.02), a shift from 0 and ε = 0.00001. Kernels start from N(0, 0.02); only the last layers
have biases; LeakyReLU has Keras's slope of 0.3. "Same" padding at a stride of 2 is one zero on each side of an even
map, so no kernel has to be turned.

The tutorial's eight halvings take 256 pixels down to one. The deepest norm then sees one value a channel and gives
its shift whatever the value is: the deepest convolution never learns, in the tutorial as here.
"""

from typing import cast

import torch
from torch import Tensor, nn

from ganctl.gans.nets.layers import Dropout, InstanceNorm

SLOPE = 0.3  # LeakyReLU's default in Keras
DEEPEST = 8  # halvings in the tutorial


class Generator(nn.Module):
    """Pictures [N, channels, H, W] in [-1, 1] → pictures of the same shape and range.

    H and W are multiples of `multiple`. The depth fits the size: as many halvings as it can take, at most the
    tutorial's eight. Dropout is for training only.

    Args:
        size: side in pixels of the pictures to train with, a multiple of four.
        channels: 1 or 3.
        width: channels of the first layer; each halving doubles them, up to eight times.

    Attributes:
        multiple: of each side of a picture, 2^depth.
        least: the same.
        reach: None, for the deepest of its maps see farther than a tile can be large.

    Raises:
        ValueError: the size cannot be had.
    """

    def __init__(self, size: int, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        depth = halvings(size)
        self.multiple = self.least = 2**depth
        self.reach: int | None = None
        below = [width * min(2**k, 8) for k in range(depth)]
        above = below[-2::-1]
        joined = [below[-1], *(2 * channels_above for channels_above in above)]  # a skip has as many channels
        self.down = nn.ModuleList(
            down(a, b, norm=k > 0) for k, (a, b) in enumerate(zip([channels, *below[:-1]], below, strict=True))
        )
        self.up = nn.ModuleList(
            up(a, b, dropout=k < 3) for k, (a, b) in enumerate(zip(joined[:-1], above, strict=True))
        )
        self.to_picture = nn.ConvTranspose2d(joined[-1], channels, 4, stride=2, padding=1)
        self.apply(initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → the same."""
        skips = [pictures]
        for layer in self.down:
            skips.append(layer(skips[-1]))
        x = skips.pop()
        for layer in self.up:
            x = torch.cat([layer(x), skips.pop()], 1)
        return cast("Tensor", self.to_picture(x)).tanh()


class Discriminator(nn.Module):
    """Pictures [N, channels, H, W] in [-1, 1] → logits [N, 1, h, w], each for 70×70 pixels, high for real.

    The tutorial's differs from `ganctl.gans.nets.patchgan` by the norm's gain and shift, LeakyReLU's slope, and the
    biases, of which only the last layer has one. Sides that are multiples of eight are padded as in TensorFlow.

    Args:
        channels: 1 or 3.
        width: channels of the first layer; each after it has twice as many.

    Attributes:
        least: pixels that each side of a picture must have.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.least = 24
        self.down = nn.Sequential(
            down(channels, width, norm=False),
            down(width, 2 * width),
            down(2 * width, 4 * width),
            down(4 * width, 8 * width, stride=1),
        )
        self.to_logits = nn.Conv2d(8 * width, 1, 4, padding=1)
        self.apply(initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → [N, 1, h, w]."""
        logits: Tensor = self.to_logits(self.down(pictures))
        return logits


def down(channels_in: int, channels_out: int, norm: bool = True, stride: int = 2) -> nn.Sequential:
    """The tutorial's downsample: at stride 2 half the size."""
    conv = nn.Conv2d(channels_in, channels_out, 4, stride=stride, padding=1, bias=False)
    norms = [InstanceNorm(channels_out, affine=True)] if norm else []
    return nn.Sequential(conv, *norms, nn.LeakyReLU(SLOPE, inplace=True))


def up(channels_in: int, channels_out: int, dropout: bool) -> nn.Sequential:
    """The tutorial's upsample: twice the size."""
    conv = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    drops = [Dropout(0.5)] if dropout else []
    return nn.Sequential(conv, InstanceNorm(channels_out, affine=True), *drops, nn.ReLU(inplace=True))


def halvings(size: int) -> int:
    """How often `size` can be halved, at most `DEEPEST` times.

    Raises:
        ValueError: `size` is not a positive multiple of four.
    """
    if size < 4 or size % 4:
        raise ValueError(f"The tutorial's U-Net needs a size that is a multiple of 4, not {size}.")
    twos = (size & -size).bit_length() - 1
    return min(DEEPEST, twos)


def initialise(module: nn.Module) -> None:
    """Kernels from N(0, 0.02), the norm's gains from N(1, 0.02), biases and shifts at 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, InstanceNorm) and module.weight is not None:
        nn.init.normal_(module.weight, 1.0, 0.02)
