"""The generator of CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593, appendix 7.2).

In the paper's notation c7s1-64, d128, d256, R256 × `blocks`, u128, u64, c7s1-3, after Johnson et al. 2016. What
the paper leaves open follows the authors' PyTorch code (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix):
- every convolution has a bias, although instance norm takes most of them away again;
- weights start from N(0, 0.02), biases at 0; instance norm has no gain and no shift;
- a block ends with the sum, without a ReLU after it; the last layer has tanh and no norm.
"""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from ganctl.gans.nets.layers import FewOutputs, InstanceNorm, init_normal, saturate

MULTIPLE = 4  # of height and width: they are halved twice
MIN_SIZE = 8  # pixels: reflecting one pixel takes two, which are eight before the halvings


class Generator(nn.Module):
    """Images [N, channels, H, W] in [-1, 1] → images of the same shape and range.

    H and W are multiples of `size_multiple` and no less than `min_size`. The paper has 9 blocks at 256 pixels
    and above, 6 below.

    Args:
        channels: 1 or 3.
        blocks: residual blocks.
        width: channels at full resolution; each halving doubles them.
        upsample: `deconv`, the paper's transposed convolution; or `resize`, the nearest neighbour and a 3×3
            convolution, which leaves no checkerboards (Odena et al. 2016,
            https://distill.pub/2016/deconv-checkerboard), at four times the cost of the two layers.
        output: what the last layer returns. `image` is the paper's; a `residual` is added to the input (as Zhang et al.
            2017 do against noise, https://arxiv.org/abs/1608.03981); a `mask` in [0, 1] beside the image says where
            it replaces the input (Pumarola et al. 2018, https://arxiv.org/abs/1807.09251, equation 1).

    Attributes:
        size_multiple: `MULTIPLE`, what height and width are multiples of.
        min_size: `MIN_SIZE`, the smallest height and width.
        receptive_radius: the farthest that a pixel of the output depends on, in pixels, the norms' statistics apart.
    """

    def __init__(
        self,
        channels: int = 3,
        blocks: int = 9,
        width: int = 64,
        upsample: Literal["deconv", "resize"] = "deconv",
        output: Literal["image", "residual", "mask"] = "image",
    ) -> None:
        super().__init__()
        self.output = output
        self.size_multiple = MULTIPLE
        self.min_size = MIN_SIZE
        up, border = {"deconv": (deconv, 12), "resize": (resize, 15)}[upsample]
        self.receptive_radius = border + 8 * blocks  # two convolutions in each block, four pixels each
        self.from_picture = nn.Sequential(
            OrderedDict(
                pad=nn.ReflectionPad2d(3),
                conv=nn.Conv2d(channels, width, 7),
                norm=InstanceNorm(width),
                relu=nn.ReLU(inplace=True),
            )
        )
        self.down = nn.Sequential(down(width), down(2 * width))
        self.blocks = nn.Sequential(*(Block(4 * width) for _ in range(blocks)))
        self.up = nn.Sequential(up(4 * width), up(2 * width))
        last = FewOutputs(width, channels + (output == "mask"), 7)
        self.to_picture = nn.Sequential(OrderedDict(pad=nn.ReflectionPad2d(3), conv=last))
        self.apply(init_normal)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → the same."""
        features = self.up(self.blocks(self.down(self.from_picture(images))))
        output: Tensor = self.to_picture(features)
        match self.output:
            case "image":
                return output.tanh()
            case "residual":
                return saturate(images + output)
            case "mask":
                return images + output[:, -1:].sigmoid() * (output[:, :-1].tanh() - images)


class Block(nn.Module):
    """A residual block: [N, channels, H, W] → the same, H and W at least 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = reflect_conv(channels, channels)
        self.relu = nn.ReLU(inplace=True)
        self.second = reflect_conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """The input plus its residual."""
        residual: Tensor = self.second(self.relu(self.first(x)))
        return x + residual


def reflect_conv(channels_in: int, channels_out: int) -> nn.Sequential:
    """A 3×3 convolution over a reflected border, and instance norm."""
    conv = nn.Conv2d(channels_in, channels_out, 3)
    return nn.Sequential(OrderedDict(pad=nn.ReflectionPad2d(1), conv=conv, norm=InstanceNorm(channels_out)))


def down(channels: int) -> nn.Sequential:
    """A strided convolution to half the size and twice the channels, instance norm and ReLU."""
    conv = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
    return nn.Sequential(OrderedDict(conv=conv, norm=InstanceNorm(2 * channels), relu=nn.ReLU(inplace=True)))


def deconv(channels: int) -> nn.Sequential:
    """A transposed convolution to twice the size and half the channels, instance norm and ReLU."""
    conv = nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(OrderedDict(conv=conv, norm=InstanceNorm(channels // 2), relu=nn.ReLU(inplace=True)))


def resize(channels: int) -> nn.Sequential:
    """Nearest neighbour and a convolution to the same: every pixel comes from equally many taps."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), *reflect_conv(channels, channels // 2), nn.ReLU(inplace=True)
    )
