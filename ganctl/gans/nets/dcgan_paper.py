"""The nets of DCGAN (Radford et al. 2015, section 3 and figure 1), for sizes of 16, 32, 64, 128, ... pixels.

Where they differ from the paper they follow PyTorch's DCGAN example:
- kernels are 4x4, not 5x5: at stride 2 every pixel is then covered by equally many taps;
- at 64 pixels the default width begins with 512 channels at 4x4, where the paper's figure has 1024;
- batch norm's gains start from N(1, 0.02), where the paper only says N(0, 0.02) for all weights.

The paper's dense layers, the projection of the latent and the discriminator's last, are written as
convolutions from and to 1x1, which is the same mathematics. No layer before a batch norm has a bias.
"""

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from ganctl.gans.nets.layers import init_normal


class Generator(nn.Module):
    """Latents [N, latent] → images [N, channels, size, size] in [-1, 1].

    Args:
        latent: length of the latent vector, 100 in the paper.
        size: height and width of the images in pixels: 16, 32, 64, 128 or a higher power of two.
        channels: 1 or 3.
        width: channels of the last hidden layer; each layer before it has twice as many.

    Raises:
        ValueError: the size is none of these.
    """

    def __init__(self, latent: int, size: int, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**k for k in reversed(range(doublings(size)))]
        project = nn.ConvTranspose2d(latent, widths[0], 4, bias=False)  # 1x1 → 4x4
        hidden = [up(c, to) for c, to in pairwise(widths)]
        self.project = nn.Sequential(
            OrderedDict(conv=project, norm=nn.BatchNorm2d(widths[0]), relu=nn.ReLU(inplace=True))
        )
        self.up = nn.Sequential(*hidden)
        self.to_picture = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1, bias=False)
        self.apply(init_normal)

    def forward(self, latents: Tensor) -> Tensor:
        """[N, latent] → [N, channels, size, size] in [-1, 1]."""
        features = self.up(self.project(latents[:, :, None, None]))
        images: Tensor = self.to_picture(features)
        return images.tanh()


class Discriminator(nn.Module):
    """Images [N, channels, size, size] in [-1, 1] → logits [N], high for real.

    Args:
        size: height and width of the images in pixels: 16, 32, 64, 128 or a higher power of two.
        channels: 1 or 3.
        width: channels of the first hidden layer; each layer after it has twice as many.

    Raises:
        ValueError: the size is none of these.
    """

    def __init__(self, size: int, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**k for k in range(doublings(size))]
        first = nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False)
        self.from_picture = nn.Sequential(OrderedDict(conv=first, relu=nn.LeakyReLU(0.2, inplace=True)))
        self.down = nn.Sequential(*(down(c, to) for c, to in pairwise(widths)))
        self.to_logit = nn.Conv2d(widths[-1], 1, 4, bias=False)  # 4x4 → 1x1
        self.apply(init_normal)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, size, size] in [-1, 1] → [N]."""
        logits: Tensor = self.to_logit(self.down(self.from_picture(images)))
        return logits.flatten()


def up(channels_in: int, channels_out: int) -> nn.Module:
    """A transposed convolution to twice the size, batch norm and ReLU."""
    conv = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(channels_out), relu=nn.ReLU(inplace=True)))


def down(channels_in: int, channels_out: int) -> nn.Module:
    """A convolution to half the size, batch norm and LeakyReLU."""
    conv = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(
        OrderedDict(conv=conv, norm=nn.BatchNorm2d(channels_out), relu=nn.LeakyReLU(0.2, inplace=True))
    )


def doublings(size: int) -> int:
    """Count the doublings from 4 pixels to `size`.

    Raises:
        ValueError: `size` is not 16, 32, 64, 128 or a higher power of two.
    """
    if size < 16 or size & (size - 1):
        raise ValueError(f"DCGAN's nets need a size of 16, 32, 64, 128 or a higher power of two, not {size}.")
    return size.bit_length() - 3
