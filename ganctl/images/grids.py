"""Write tensors as images: grids, previews and single files.

Torch is imported only where tensors are given, because an animation of previews needs none.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganctl.errors import GanctlError
from ganctl.files import write_atomically
from ganctl.images.captions import NO_CAPTIONS, Captions
from ganctl.images.reading import ImageArrays
from ganctl.images.writing import encode, require_format

if TYPE_CHECKING:
    from torch import Tensor

BACKGROUND_LEVEL = 24  # grey level behind a grid's images and an animation's labels
_TARGET_WIDTH = 512  # pixels; small images are enlarged by an integer factor until a grid is about this wide


def to_uint8(images: "Tensor") -> NDArray[np.uint8]:
    """Convert images [N, C, H, W] in [-1, 1] to uint8 [N, H, W, C]."""
    import torch

    uint8_images = images.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return uint8_images.permute(0, 2, 3, 1).numpy()


def make_grid(images: "Tensor", columns: int) -> Image.Image:
    """Arrange images [N, C, H, W] in [-1, 1] in rows; small ones are enlarged by an integer factor."""
    import torch
    from torchvision import utils

    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    factor, padding = _layout(columns, images.shape[-1])
    images = torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2)
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    pixels = utils.make_grid(images, nrow=columns, padding=padding, pad_value=BACKGROUND_LEVEL)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def grid_size(count: int, columns: int, size: int) -> tuple[int, int]:
    """Width and height in pixels of the grid of `count` square images of `size` pixels."""
    factor, padding = _layout(columns, size)
    if count == 1:  # which has no padding
        return size * factor, size * factor
    pitch = size * factor + padding
    return min(count, columns) * pitch + padding, -(-count // columns) * pitch + padding


def split_grid(grid: Image.Image, columns: int, size: int) -> list[list[Image.Image]]:
    """Cut a grid of square images into its rows of enlarged images.

    Raises:
        ValueError: it is no grid with so many columns of images of `size` pixels.
    """
    factor, padding = _layout(columns, size)
    cell_size = size * factor
    pitch = cell_size + padding
    rows, remainder = divmod(grid.height - padding, pitch)
    if remainder or grid.width != columns * pitch + padding:
        raise ValueError(f"it is no grid of {columns} columns of {size} pixels")
    corners = [[(padding + column * pitch, padding + row * pitch) for column in range(columns)] for row in range(rows)]
    return [[grid.crop((x, y, x + cell_size, y + cell_size)) for x, y in row] for row in corners]


def _layout(columns: int, size: int) -> tuple[int, int]:
    """The factor by which a grid enlarges images of a size, and its padding in pixels."""
    factor = max(1, round(_TARGET_WIDTH / (columns * (size + 2))))
    return factor, max(2, factor)


def save_preview(path: Path, images: "Tensor", columns: int, captions: Captions = NO_CAPTIONS) -> None:
    """Write a grid as a PNG with its captions, atomically; a missing folder is created."""
    write_atomically(path, encode(make_grid(images, columns), "PNG", png_info=captions.png_info()))


def save_grid(path: Path, images: "Tensor", columns: int) -> None:
    """Write a grid in the format that the path's suffix names. Raises as `write_image`."""
    write_image(path, make_grid(images, columns))


def save_image(path: Path, image: "Tensor") -> None:
    """Write one image [C, H, W] in [-1, 1], not enlarged. Raises as `write_image`."""
    pixels = to_uint8(image[None])[0]
    write_image(path, Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def write_image(path: Path, image: Image.Image) -> None:
    """Write an image in the format that the path's suffix names, atomically; a missing folder is created.

    Raises:
        UsageError: the suffix names no format that Pillow writes, or one that cannot hold an image of that size.
        GanctlError: Pillow fails to write it all the same.
        OSError: the disk refuses.
    """
    try:
        content = encode(image, require_format(path, image.size))
    except ValueError as error:
        raise GanctlError(f"{path} could not be written: {error}.", "Use .png.") from None
    write_atomically(path, content)


def save_arrays(path: Path, image: ImageArrays) -> None:
    """Write an image as RGB, or RGBA where it has transparency, atomically; a missing folder is created.

    Raises:
        UsageError: as `write_image`.
        ValueError: the format cannot hold it.
        OSError: the disk refuses.
    """
    pixels = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    rgb = Image.fromarray(pixels)
    content = encode(rgb, require_format(path, rgb.size), image.profile)
    write_atomically(path, content)


def grid_columns(count: int) -> int:
    """The number of columns that makes a grid of `count` images about square."""
    return math.ceil(math.sqrt(count))
