"""Tensors as pictures: grids and single files. Torch is imported by what is given tensors: a film needs none."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganctl.errors import GanctlError
from ganctl.files import write_atomically
from ganctl.images.reading import Picture
from ganctl.images.writing import encoded, require_format

if TYPE_CHECKING:
    from torch import Tensor

PAPER = 24  # grey level behind a grid's pictures and a film's labels
_GRID_SIDE = 512  # small pictures are enlarged by a whole factor until a grid is about this wide


def to_uint8(images: "Tensor") -> NDArray[np.uint8]:
    """Pictures [N, C, H, W] in [-1, 1] as levels [N, H, W, C]."""
    import torch

    levels = images.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()


def grid(images: "Tensor", columns: int) -> Image.Image:
    """Pictures [N, C, H, W] in [-1, 1] in rows, small ones enlarged by a whole factor."""
    import torch
    from torchvision.utils import make_grid

    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    factor, padding = _enlarged(columns, images.shape[-1])
    images = torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2)
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    sheet = make_grid(images, nrow=columns, padding=padding, pad_value=PAPER)
    return Image.fromarray(sheet.permute(1, 2, 0).numpy())


def grid_size(count: int, columns: int, size: int) -> tuple[int, int]:
    """Width and height in pixels of the grid of so many square pictures of a size."""
    factor, padding = _enlarged(columns, size)
    if count == 1:  # which has nothing around it
        return size * factor, size * factor
    pitch = size * factor + padding
    return min(count, columns) * pitch + padding, -(-count // columns) * pitch + padding


def cells(sheet: Image.Image, columns: int, size: int) -> list[list[Image.Image]]:
    """The rows of a grid that `grid` made of square pictures, cut into its pictures again.

    Raises:
        ValueError: it is no grid of so many columns of that size.
    """
    factor, padding = _enlarged(columns, size)
    side = size * factor
    pitch = side + padding
    rows, rest = divmod(sheet.height - padding, pitch)
    if rest or sheet.width != columns * pitch + padding:
        raise ValueError(f"it is no grid of {columns} columns of {size} pixels")
    corners = [[(padding + column * pitch, padding + row * pitch) for column in range(columns)] for row in range(rows)]
    return [[sheet.crop((x, y, x + side, y + side)) for x, y in row] for row in corners]


def _enlarged(columns: int, size: int) -> tuple[int, int]:
    """How many times as large a grid shows pictures of a size, and the pixels between them."""
    factor = max(1, round(_GRID_SIDE / (columns * (size + 2))))
    return factor, max(2, factor)


def save_preview(path: Path, images: "Tensor", columns: int) -> None:
    """Write a grid as a PNG, atomically; its folder is made if it is gone."""
    write_atomically(path, encoded(grid(images, columns), "PNG"))


def save_grid(path: Path, images: "Tensor", columns: int) -> None:
    """Write a grid in the format that the path's ending names."""
    write(path, grid(images, columns))


def save_single(path: Path, image: "Tensor") -> None:
    """Write one picture [C, H, W] in [-1, 1] as it is."""
    levels = to_uint8(image[None])[0]
    write(path, Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels))


def write(path: Path, picture: Image.Image) -> None:
    """Write a picture in the format that the path's ending names, atomically; its folder is made.

    Raises:
        UsageError: the ending names no format that Pillow writes, or one that holds no picture of that size.
        GanctlError: Pillow fails to write it all the same.
        OSError: the disk refuses.
    """
    try:
        content = encoded(picture, require_format(path, picture.size))
    except ValueError as error:
        raise GanctlError(f"{path} could not be written: {error}.", "Use .png.") from None
    write_atomically(path, content)


def save_picture(path: Path, picture: Picture) -> None:
    """Write a picture as RGB, or RGBA where it has transparency, atomically; its folder is made.

    Raises:
        UsageError: as `write`.
        ValueError: the format cannot hold it.
        OSError: the disk refuses.
    """
    levels = picture.levels if picture.alpha is None else np.dstack([picture.levels, picture.alpha])
    image = Image.fromarray(levels)
    content = encoded(image, require_format(path, image.size), picture.profile)
    write_atomically(path, content)


def columns(count: int) -> int:
    """Pictures in a row of a grid that is about square."""
    return math.ceil(math.sqrt(count))
