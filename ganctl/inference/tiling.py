"""Apply a generator to an image of any size: padded to what the network accepts, in tiles if memory is too small.

A tile is what the whole image would be: instance norm's statistics are those of one downscaled copy of the image, and
every pixel comes from tiles that hold its whole receptive field. Only where that is larger than a tile, as in a U-Net,
neighbouring tiles differ, and are blended.
"""

import math
from typing import NamedTuple, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets.layers import shared_statistics

# The same on every device, so that a translation is the same on all. It includes full HD. The paper's ResNet takes
# about 1.0 kB for each pixel: 2.1 GiB, which leaves half of 4 GiB to torch and the image itself.
MAX_UNTILED_PIXELS = 2**21
MAX_TILE_SIZE = 1280  # pixels of a side: 1.6 GiB, and the overlaps cost a third
_BLEND_PIXELS = 16  # across which equal tiles are blended, because their last bits differ
_UNET_MARGIN_PIXELS, _UNET_BLEND_PIXELS = 128, 256  # of tiles without the whole receptive field: cut off, blended


class Translator(Protocol):
    """A generator from images to images, both [N, C, H, W] in [-1, 1]."""

    @property
    def size_multiple(self) -> int:
        """What an image's height and width must be a multiple of."""

    @property
    def min_size(self) -> int:
        """The least height and width in pixels, a multiple of `size_multiple`."""

    @property
    def receptive_radius(self) -> int | None:
        """Pixels in each direction that an output pixel depends on; None if they are more than tiles can overlap."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Translate images."""


def apply_any_size(net: Translator, image: Tensor, device: torch.device) -> Tensor:
    """Translate one image of any size.

    The padding is equal on opposite sides, so that its border effects stay equally far from each.

    Args:
        net: in evaluation mode.
        image: [1, C, H, W] in [-1, 1].
        device: of the network.

    Returns:
        The translation, same shape and range, on the CPU.
    """
    height, width = image.shape[2:]
    # Contiguous, as in a training's previews: the last bit depends on the memory format.
    padded = reflect_pad(image, _accepted_size(net, height), _accepted_size(net, width)).contiguous()
    with torch.inference_mode():
        fits = padded[0, 0].numel() <= MAX_UNTILED_PIXELS
        translated = net(padded.to(device)).cpu() if fits else _apply_to_tiles(net, padded, device)
    top, left = ((translated.shape[axis] - image.shape[axis]) // 2 for axis in (2, 3))
    return translated[..., top : top + height, left : left + width]


def reflect_pad(image: Tensor, height: int, width: int) -> Tensor:
    """Pad an image [N, C, H, W] evenly to a height and width, with as many reflections as it takes.

    An axis of a single pixel has nothing to reflect: the pixel is repeated.
    """
    for axis, padded_length in ((2, height), (3, width)):
        length = image.shape[axis]
        if length < padded_length:
            period = max(1, 2 * (length - 1))
            positions = (torch.arange(padded_length) - (padded_length - length) // 2) % period
            image = image.index_select(axis, torch.minimum(positions, period - positions))
    return image


def downscale(net: Translator, image: Tensor) -> Tensor:
    """A copy of a large image [N, C, H, W] that is small enough to go through a network in one piece."""
    factor = math.sqrt(MAX_UNTILED_PIXELS / image[0, 0].numel())
    size = [max(net.min_size, _round_down(int(length * factor), net.size_multiple)) for length in image.shape[2:]]
    return F.interpolate(image, size, mode="bilinear", antialias=True)


class AxisTiling(NamedTuple):
    """How tiles cover one axis of an image.

    Attributes:
        starts: the first pixel of each tile, multiples of the network's, so that its strides stay aligned.
        weights: [tiles, tile size] of each tile's pixels; at every pixel of the image they add up to 1.
    """

    starts: list[int]
    weights: Tensor


def tile_axis(net: Translator, length: int) -> AxisTiling:
    """Cover an accepted length with as few tiles as possible, and those no larger than necessary."""
    if net.receptive_radius is None:
        margin, blend = _UNET_MARGIN_PIXELS, _UNET_BLEND_PIXELS
    else:
        margin, blend = min(net.receptive_radius, MAX_TILE_SIZE // 4), _BLEND_PIXELS
    overlap = _round_up(2 * margin + blend, net.size_multiple)
    max_size = _round_down(MAX_TILE_SIZE, net.size_multiple)
    count = 1 if length <= max_size else math.ceil((length - overlap) / (max_size - overlap))
    size = _round_up(math.ceil((length + (count - 1) * overlap) / count), net.size_multiple)
    starts = [min(i * (size - overlap), length - size) for i in range(count)]
    ramp = ((torch.arange(size) + 0.5 - margin) / blend).clamp(0, 1)
    weights, total = torch.ones(count, size), torch.zeros(length)
    weights[1:] *= ramp
    weights[:-1] *= ramp.flip(0)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + size] += weight
    normalized = [weight / total[start : start + size] for start, weight in zip(starts, weights, strict=True)]
    return AxisTiling(starts, torch.stack(normalized))


def _apply_to_tiles(net: Translator, image: Tensor, device: torch.device) -> Tensor:
    translated = torch.zeros_like(image)
    rows, columns = (tile_axis(net, length) for length in image.shape[2:])
    with shared_statistics(cast("nn.Module", net), downscale(net, image).to(device)):
        for top, row_weights in zip(*rows, strict=True):
            for left, column_weights in zip(*columns, strict=True):
                tile = (..., slice(top, top + len(row_weights)), slice(left, left + len(column_weights)))
                weights = row_weights[:, None] * column_weights
                translated[tile] += net(image[tile].to(device)).cpu() * weights
    return translated


def _accepted_size(net: Translator, length: int) -> int:
    return max(net.min_size, _round_up(length, net.size_multiple))


def _round_down(length: int, multiple: int) -> int:
    return length // multiple * multiple


def _round_up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
