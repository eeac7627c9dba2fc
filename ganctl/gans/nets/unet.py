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

from ganctl.gans.nets.layers import Dropout, InstanceNorm, init_normal

SLOPE = 0.3  # LeakyReLU's default in Keras
MAX_HALVINGS = 8  # as in the tutorial


class Generator(nn.Module):
    """Images [N, channels, H, W] in [-1, 1] → images of the same shape and range.

    H and W are multiples of `size_multiple`. The depth fits the size: as many halvings as it can take, at most the
    tutorial's eight. Dropout is for training only.

    Args:
        size: height and width of the training images in pixels, a multiple of four.
        channels: 1 or 3.
        width: channels of the first layer; each halving doubles them, up to eight times.

    Attributes:
        size_multiple: 2^depth, what height and width are multiples of.
        min_size: the same, the smallest height and width.
        receptive_radius: None: the deepest maps depend on more pixels than a tile has.

    Raises:
        ValueError: the size is no multiple of four.
    """

    def __init__(self, size: int, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        depth = halvings(size)
        self.size_multiple = self.min_size = 2**depth
        self.receptive_radius: int | None = None
        encoder = [width * min(2**k, 8) for k in range(depth)]  # channels
        decoder = encoder[-2::-1]
        inputs = [encoder[-1], *(2 * c for c in decoder)]  # a skip connection has as many channels as the decoder
        self.down = nn.ModuleList(
            down(c, to, norm=k > 0) for k, (c, to) in enumerate(zip([channels, *encoder[:-1]], encoder, strict=True))
        )
        self.up = nn.ModuleList(
            up(c, to, dropout=k < 3) for k, (c, to) in enumerate(zip(inputs[:-1], decoder, strict=True))
        )
        self.to_picture = nn.ConvTranspose2d(inputs[-1], channels, 4, stride=2, padding=1)
        self.apply(init_normal)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → the same."""
        skips = [images]
        for layer in self.down:
            skips.append(layer(skips[-1]))
        x = skips.pop()
        for layer in self.up:
            x = torch.cat([layer(x), skips.pop()], 1)
        return cast("Tensor", self.to_picture(x)).tanh()


class Discriminator(nn.Module):
    """Images [N, channels, H, W] in [-1, 1] → logits [N, 1, h, w], each for 70×70 pixels, high for real.

    The tutorial's differs from `ganctl.gans.nets.patchgan` by the norm's gain and shift, LeakyReLU's slope, and the
    biases, of which only the last layer has one. Heights and widths that are multiples of eight are padded as in
    TensorFlow.

    Args:
        channels: 1 or 3.
        width: channels of the first layer; each after it has twice as many.

    Attributes:
        min_size: the smallest height and width of an image, in pixels.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.min_size = 24
        self.down = nn.Sequential(
            down(channels, width, norm=False),
            down(width, 2 * width),
            down(2 * width, 4 * width),
            down(4 * width, 8 * width, stride=1),
        )
        self.to_logits = nn.Conv2d(8 * width, 1, 4, padding=1)
        self.apply(init_normal)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → [N, 1, h, w]."""
        logits: Tensor = self.to_logits(self.down(images))
        return logits


def down(channels_in: int, channels_out: int, norm: bool = True, stride: int = 2) -> nn.Sequential:
    """The tutorial's `downsample`: at stride 2 half the size."""
    conv = nn.Conv2d(channels_in, channels_out, 4, stride=stride, padding=1, bias=False)
    norms = [InstanceNorm(channels_out, affine=True)] if norm else []
    return nn.Sequential(conv, *norms, nn.LeakyReLU(SLOPE, inplace=True))


def up(channels_in: int, channels_out: int, dropout: bool) -> nn.Sequential:
    """The tutorial's `upsample`: twice the size."""
    conv = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    dropouts = [Dropout(0.5)] if dropout else []
    return nn.Sequential(conv, InstanceNorm(channels_out, affine=True), *dropouts, nn.ReLU(inplace=True))


def halvings(size: int) -> int:
    """Count how often `size` can be halved, at most `MAX_HALVINGS` times.

    Raises:
        ValueError: `size` is not a positive multiple of four.
    """
    if size < 4 or size % 4:
        raise ValueError(f"The tutorial's U-Net needs a size that is a multiple of 4, not {size}.")
    powers_of_two = (size & -size).bit_length() - 1
    return min(MAX_HALVINGS, powers_of_two)
