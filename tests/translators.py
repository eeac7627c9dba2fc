"""Models that translate, for tests: real ones in files, and one whose answer is known to the pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ganctl import gans, tensorfile
from ganctl.gans.nets import resnet, unet
from ganctl.inference import model


def write_model(path: Path, shape: tuple[int, int, int] = (3, 16, 16), **options: Any) -> Path:
    """A model file of untrained nets."""
    torch.manual_seed(0)
    family = gans.find("cyclegan")
    options = {"blocks": 1, "width": 4} | options
    net = family.model(family.options(**options), shape)
    header = {"format": 1, "family": "cyclegan", "options": options, "shape": shape, "domains": ["horse", "zebra"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensorfile.write(path, tensorfile.TensorFile(net.state_dict(), header))
    return path


class Negative(nn.Module):
    """Zebras are the negatives of horses, horses what zebras are; sides as the ResNet wants them."""

    multiple, least, reach = 4, 8, 0

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))
        self.seen: list[Tensor] = []

    def forward(self, pictures: Tensor) -> Tensor:
        assert min(pictures.shape[2:]) >= self.least
        assert not any(side % self.multiple for side in pictures.shape[2:])
        self.seen.append(pictures)
        return self.sign * pictures


class Negatives(nn.Module):
    """Both directions of `Negative`."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = [Negative(1.0), Negative(-1.0)]
        self.sign = self.nets[0].sign

    def generator_to(self, side: int) -> Negative:
        return self.nets[side]


def negative(channels: int = 3) -> model.Model:
    """A model that makes negatives."""
    header = {"family": "cyclegan", "shape": [channels, 16, 16], "domains": ["horse", "zebra"]}
    return model.Model(Path("model.safetensors"), "model", header, "model", Negatives())


def amplified(net: resnet.Generator | unet.Generator, gain: float) -> resnet.Generator | unet.Generator:
    """A net whose untrained answers fill their range, so that a seam in them can be seen."""
    last = net.to_picture if isinstance(net, unet.Generator) else net.to_picture[-1]
    assert isinstance(last, nn.Conv2d | nn.ConvTranspose2d)
    with torch.no_grad():
        last.weight.mul_(gain)
    return net.eval()


def gradient(height: int, width: int) -> Tensor:
    """A smooth picture [1, 3, height, width] in [-1, 1]."""
    y, x = torch.linspace(-1, 1, height)[:, None].expand(height, width), torch.linspace(-1, 1, width).expand(height, -1)
    return torch.stack([x, y, -(x + y) / 2])[None]


def photograph(height: int, width: int) -> Tensor:
    """Structure of every size, as photographs have it: [1, 3, height, width] in [-1, 1]."""
    source, picture = torch.Generator().manual_seed(1), torch.zeros(1, 3, height, width)
    for octave in range(1, 8):
        noise = torch.randn(1, 3, 2**octave + 1, 2**octave + 1, generator=source)
        picture += F.interpolate(noise, (height, width), mode="bilinear", align_corners=True) / 2 ** (0.7 * octave)
    return (picture / picture.std() / 2).clamp(-1, 1)


def as_file(path: Path, picture: Tensor) -> Path:
    """A picture [1, 3, H, W] in [-1, 1] as a file."""
    levels = ((picture[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    Image.fromarray(np.ascontiguousarray(levels)).save(path)
    return path
