"""The nets of TensorFlow's DCGAN tutorial (https://www.tensorflow.org/tutorials/generative/dcgan).

They are the tutorial's layer by layer, generalised to any size that is a multiple of four:
- Glorot uniform weights and zero biases, Keras's defaults;
- batch norm with ε = 0.001 and Keras's momentum 0.99, which PyTorch calls 0.01. One deviation: PyTorch's
  running variance is the unbiased one, n / (n − 1) times that of Keras 3, where n values share a statistic;
- "same" padding: at stride 2, TensorFlow puts one zero before and two after, and PyTorch two before and one
  after, which is the same in a mirror. So the generator's output and the discriminator's input are rotated by half
  a turn: the tutorial's nets exactly, with each kernel rotated by half a turn;
- maps are flattened in Keras's order, height, width, channels, which costs no copy in channels-last memory.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets.layers import Dropout

SLOPE = 0.3  # LeakyReLU's default in Keras


class Generator(nn.Module):
    """Latents [N, latent] → images [N, channels, size, size] in [-1, 1].

    Args:
        latent: length of the latent vector, 100 in the tutorial.
        size: height and width of the images in pixels, a multiple of four.
        channels: 1 or 3.

    Raises:
        ValueError: the size is no multiple of four.
    """

    def __init__(self, latent: int, size: int, channels: int) -> None:
        super().__init__()
        self.start_size = quarter(size)
        self.dense = nn.Linear(latent, 256 * self.start_size**2, bias=False)
        self.norm0 = nn.BatchNorm1d(256 * self.start_size**2, eps=1e-3, momentum=0.01)
        self.conv1 = nn.ConvTranspose2d(256, 128, 5, stride=1, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(128, eps=1e-3, momentum=0.01)
        self.conv2 = nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64, eps=1e-3, momentum=0.01)
        self.conv3 = nn.ConvTranspose2d(64, channels, 5, stride=2, padding=2, output_padding=1, bias=False)
        self.apply(initialise)

    def forward(self, latents: Tensor) -> Tensor:
        """[N, latent] → [N, channels, size, size] in [-1, 1]."""
        x = leaky_relu(self.norm0(self.dense(latents)))
        x = x.view(-1, self.start_size, self.start_size, 256).permute(0, 3, 1, 2)
        x = leaky_relu(self.norm1(self.conv1(x)))
        x = leaky_relu(self.norm2(self.conv2(x)))
        return rotate_180(self.conv3(x).tanh())


class Discriminator(nn.Module):
    """Images [N, channels, size, size] in [-1, 1] → logits [N], high for real.

    Args:
        size: height and width of the images in pixels, a multiple of four.
        channels: 1 or 3.

    Raises:
        ValueError: the size is no multiple of four.
    """

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(64, 128, 5, stride=2, padding=2)
        self.dropout = Dropout(0.3)
        self.dense = nn.Linear(128 * quarter(size) ** 2, 1)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        """[N, channels, size, size] in [-1, 1] → [N].

        The tutorial drops out after LeakyReLU; the two commute, and LeakyReLU last can work in place.
        """
        x = leaky_relu(self.dropout(self.conv1(rotate_180(images))))
        x = leaky_relu(self.dropout(self.conv2(x)))
        logits: Tensor = self.dense(x.permute(0, 2, 3, 1).flatten(1))
        return logits.flatten()


def leaky_relu(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def rotate_180(images: Tensor) -> Tensor:
    """Rotate images by half a turn."""
    return images.flip(2, 3)


def quarter(size: int) -> int:
    """Return the size of the smallest maps.

    Raises:
        ValueError: `size` is not a positive multiple of four.
    """
    if size < 4 or size % 4:
        raise ValueError(f"The tutorial's nets need a size that is a multiple of 4, not {size}.")
    return size // 4


def initialise(module: nn.Module) -> None:
    """Set Glorot uniform weights and zero biases; batch norm starts at gain 1 and shift 0 by itself."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
