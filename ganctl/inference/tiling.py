"""A picture of any size through a net: padded to what the net accepts, and in tiles where it is too large for memory.

A tile is as the whole picture would be: instance norm's statistics are those of one reduced copy, and every pixel
comes from tiles in which the net sees all that the pixel depends on. Only where that is too much, as in a U-Net,
neighbouring tiles differ, and go over into each other.
"""

import math
from typing import NamedTuple, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets.layers import shared_statistics

# Pixels that go through in one piece, on every device, so that a picture is the same on all. Full HD still does. The
# paper's ResNet takes about 1.0 kB for each: 2.1 GiB, which leaves half of 4 GiB to torch and the picture itself.
WHOLE = 2**21
SIDE = 1280  # pixels of a tile at most: 1.6 GiB, and the overlaps cost a third
_FADE = 16  # pixels in which equal tiles go over into each other, for the last bit's sake
_BLIND, _BLEND = 128, 256  # of tiles that differ: the border that is not used, and the pixels to go over in


class Translator(Protocol):
    """A net from pictures to pictures, [N, C, H, W] in [-1, 1] both."""

    @property
    def multiple(self) -> int:
        """What each side of a picture must be a multiple of."""

    @property
    def least(self) -> int:
        """Pixels that each side must have, a multiple of `multiple`."""

    @property
    def reach(self) -> int | None:
        """Pixels on each side of a pixel that it depends on at most; None where tiles cannot overlap by as many."""

    def __call__(self, pictures: Tensor, /) -> Tensor:
        """Redraw pictures."""


def apply_any_size(net: Translator, picture: Tensor, place: torch.device) -> Tensor:
    """One picture through a net.

    The padding lies evenly around the picture, so that what the net makes of its border stays as far from each side.

    Args:
        net: in evaluation mode.
        picture: [1, C, H, W] in [-1, 1], of any size.
        place: where the net is.

    Returns:
        The same shape and range, on the CPU.
    """
    height, width = picture.shape[2:]
    # In this order in memory, as a training's progress sheet has them: the last bit depends on it.
    padded = reflect_pad(picture, _accepted(net, height), _accepted(net, width)).contiguous()
    with torch.inference_mode():
        fits = padded[0, 0].numel() <= WHOLE
        drawn = net(padded.to(place)).cpu() if fits else _in_tiles(net, padded, place)
    top, left = ((drawn.shape[axis] - picture.shape[axis]) // 2 for axis in (2, 3))
    return drawn[..., top : top + height, left : left + width]


def reflect_pad(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture [N, C, H, W] in the middle of a larger one that its reflections fill, as often as it takes.

    Of a side of one pixel there is nothing to reflect: the pixel is repeated.
    """
    for axis, length in ((2, height), (3, width)):
        there = picture.shape[axis]
        if there < length:
            period = max(1, 2 * (there - 1))
            places = (torch.arange(length) - (length - there) // 2) % period
            picture = picture.index_select(axis, torch.minimum(places, period - places))
    return picture


def reduced(net: Translator, picture: Tensor) -> Tensor:
    """A copy of a large picture [N, C, H, W] that goes through a net in one piece."""
    factor = math.sqrt(WHOLE / picture[0, 0].numel())
    sides = [max(net.least, int(side * factor) // net.multiple * net.multiple) for side in picture.shape[2:]]
    return F.interpolate(picture, sides, mode="bilinear", antialias=True)


class Tiling(NamedTuple):
    """How tiles cover one axis of a picture.

    Attributes:
        starts: of the tiles, each a multiple of what the net's sides must be, for its layers of stride 2.
        weights: [tiles, side] of a tile's pixels; at every pixel of the picture they add up to 1.
    """

    starts: list[int]
    weights: Tensor


def tile_axis(net: Translator, length: int) -> Tiling:
    """The fewest tiles for an accepted length, and those no larger than they have to be."""
    blind, fade = (_BLIND, _BLEND) if net.reach is None else (min(net.reach, SIDE // 4), _FADE)
    overlap, most = _up(2 * blind + fade, net.multiple), SIDE // net.multiple * net.multiple
    count = 1 if length <= most else math.ceil((length - overlap) / (most - overlap))
    side = _up(math.ceil((length + (count - 1) * overlap) / count), net.multiple)
    starts = [min(i * (side - overlap), length - side) for i in range(count)]
    rise = ((torch.arange(side) + 0.5 - blind) / fade).clamp(0, 1)
    weights, total = torch.ones(count, side), torch.zeros(length)
    weights[1:] *= rise
    weights[:-1] *= rise.flip(0)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + side] += weight
    return Tiling(
        starts, torch.stack([w / total[start : start + side] for start, w in zip(starts, weights, strict=True)])
    )


def _in_tiles(net: Translator, picture: Tensor, place: torch.device) -> Tensor:
    drawn = torch.zeros_like(picture)
    rows, columns = (tile_axis(net, side) for side in picture.shape[2:])
    with shared_statistics(cast("nn.Module", net), reduced(net, picture).to(place)):
        for top, down in zip(*rows, strict=True):
            for left, across in zip(*columns, strict=True):
                here = (..., slice(top, top + len(down)), slice(left, left + len(across)))
                drawn[here] += net(picture[here].to(place)).cpu() * (down[:, None] * across)
    return drawn


def _accepted(net: Translator, side: int) -> int:
    return max(net.least, _up(side, net.multiple))


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
