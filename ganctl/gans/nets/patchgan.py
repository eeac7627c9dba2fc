"""The 70×70 PatchGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 3.2.2), as CycleGAN has it.

C64-C128-C256-C512 of 4×4 convolutions, and one more to the logits (Zhu et al. 2017, appendix 7.2). Biases and the
two last layers' stride of 1 are those of the authors' PyTorch code.
"""

from torch import Tensor, nn

from ganctl.gans.nets.layers import InstanceNorm, init_normal

SLOPE = 0.2  # of LeakyReLU


class Discriminator(nn.Module):
    """Images [N, channels, H, W] in [-1, 1] → logits [N, 1, h, w], each for a patch of them, high for real.

    With three layers a patch has 70×70 pixels, and 256×256 pixels give 30×30 logits.

    Args:
        channels: 1 or 3.
        width: channels of the first layer; each after it has twice as many, up to eight times.
        layers: layers of stride 2; each doubles the size of the patches.

    Attributes:
        min_size: the smallest height and width of an image, in pixels.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.min_size = 3 * 2**layers  # the two layers of stride 1 take a pixel each
        widths = [width * min(2**k, 8) for k in range(layers + 1)]
        self.from_picture = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE, inplace=True)
        )
        self.layers = nn.Sequential(
            *(layer(widths[k], widths[k + 1], stride=2 if k + 1 < layers else 1) for k in range(layers))
        )
        self.to_logits = nn.Conv2d(widths[-1], 1, 4, padding=1)
        self.apply(init_normal)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, H, W] in [-1, 1] → [N, 1, h, w]."""
        logits: Tensor = self.to_logits(self.layers(self.from_picture(images)))
        return logits


def layer(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    """A 4×4 convolution, instance norm and LeakyReLU."""
    conv = nn.Conv2d(channels_in, channels_out, 4, stride=stride, padding=1)
    return nn.Sequential(conv, InstanceNorm(channels_out), nn.LeakyReLU(SLOPE, inplace=True))
