"""Models that translate, for tests: real ones in files, and one whose translation is known to the pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ganctl import gans, tensorfile
from ganctl.data.info import DataInfo
from ganctl.gans.nets import resnet, unet
from ganctl.inference import model


def write_model(path: Path, shape: tuple[int, int, int] = (3, 16, 16), **options: Any) -> Path:
    """Write the model file of untrained networks."""
    torch.manual_seed(0)
    family = gans.find("cyclegan")
    options = {"blocks": 1, "width": 4} | options
    net = family.model(family.options(**options), DataInfo(shape))
    header = {"format": 2, "family": "cyclegan", "options": options, "shape": shape, "domains": ["horse", "zebra"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    tensorfile.write(path, tensorfile.TensorFile(net.state_dict(), header))
    return path


class Negative(nn.Module):
    """Multiplies images by a sign; accepts the sizes that the ResNet accepts."""

    size_multiple: int = 4
    min_size: int = 8
    receptive_radius: int = 0

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))
        self.inputs: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        assert min(images.shape[2:]) >= self.min_size
        assert not any(length % self.size_multiple for length in images.shape[2:])
        self.inputs.append(images)
        return self.sign * images


class Negatives(nn.Module):
    """Both directions: a zebra is the negative of a horse, and a horse is what a zebra is."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = [Negative(1.0), Negative(-1.0)]
        self.sign = self.nets[0].sign

    def generator_to(self, domain: int, /) -> Negative:
        return self.nets[domain]


def negative(channels: int = 3) -> model.Model:
    """A model that makes negatives."""
    header = {"family": "cyclegan", "shape": [channels, 16, 16], "domains": ["horse", "zebra"]}
    return model.Model(Path("model.safetensors"), "model", header, "model", Negatives())


def amplified(net: resnet.Generator | unet.Generator, gain: float) -> resnet.Generator | unet.Generator:
    """Scale up an untrained network's output until it fills its range, so that a seam would show."""
    last = net.to_picture if isinstance(net, unet.Generator) else net.to_picture[-1]
    assert isinstance(last, nn.Conv2d | nn.ConvTranspose2d)
    with torch.no_grad():
        last.weight.mul_(gain)
    return net.eval()


def gradient(height: int, width: int) -> Tensor:
    """A smooth image [1, 3, height, width] in [-1, 1]."""
    y, x = torch.linspace(-1, 1, height)[:, None].expand(height, width), torch.linspace(-1, 1, width).expand(height, -1)
    return torch.stack([x, y, -(x + y) / 2])[None]


def photograph(height: int, width: int) -> Tensor:
    """An image with structure at every scale, as photographs have it: [1, 3, height, width] in [-1, 1]."""
    generator, image = torch.Generator().manual_seed(1), torch.zeros(1, 3, height, width)
    for octave in range(1, 8):
        noise = torch.randn(1, 3, 2**octave + 1, 2**octave + 1, generator=generator)
        image += F.interpolate(noise, (height, width), mode="bilinear", align_corners=True) / 2 ** (0.7 * octave)
    return (image / image.std() / 2).clamp(-1, 1)


def as_file(path: Path, image: Tensor) -> Path:
    """Save an image [1, 3, H, W] in [-1, 1] as a file."""
    pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path
