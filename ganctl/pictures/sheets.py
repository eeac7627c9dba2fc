"""Tensors as pictures: grids, single files, and the formats that can be written."""

import io
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from ganctl.errors import UsageError
from ganctl.files import atomic_file, write_atomically
from ganctl.pictures.reading import ENDINGS, Picture, has_alpha

PAPER = 24  # grey level behind a grid's pictures and a film's labels
_GRID_SIDE = 512  # small pictures are enlarged by a whole factor until a grid is about this wide
_COMMON, _OPAQUE = {"JPEG", "PNG", "WEBP", "TIFF"}, {"JPEG"}  # the latter hold no transparency
_QUALITY = 95  # of JPEG and WebP, whose defaults show blocks


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Pictures [N, C, H, W] in [-1, 1] as levels [N, H, W, C]."""
    levels = images.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()


def grid(images: Tensor, columns: int) -> Image.Image:
    """Pictures [N, C, H, W] in [-1, 1] in rows, small ones enlarged by a whole factor."""
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    factor, padding = _enlarged(columns, images.shape[-1])
    images = torch.from_numpy(to_bytes(images)).permute(0, 3, 1, 2)
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    sheet = make_grid(images, nrow=columns, padding=padding, pad_value=PAPER)
    return Image.fromarray(sheet.permute(1, 2, 0).numpy())


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


def save_sheet(path: Path, images: Tensor, columns: int) -> None:
    """Write a grid as a PNG, atomically; its folder is made if it is gone."""
    write_atomically(path, _encoded(grid(images, columns), "PNG", None))


def save_grid(path: Path, images: Tensor, columns: int) -> None:
    """Write a grid in the format that the path's ending names."""
    write(path, grid(images, columns))


def save_single(path: Path, image: Tensor) -> None:
    """Write one picture [C, H, W] in [-1, 1] as it is."""
    levels = to_bytes(image[None])[0]
    write(path, Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels))


def write(path: Path, picture: Image.Image) -> None:
    """Write a picture in the format that the path's ending names, atomically; its folder is made.

    Raises:
        UsageError: the ending names no format that Pillow writes.
        OSError: the disk refuses.
    """
    form = require_format(path)
    with atomic_file(path) as staged:
        picture.save(staged, format=form)


def save_picture(path: Path, picture: Picture) -> None:
    """Write a picture as RGB, or RGBA where it has transparency, atomically; its folder is made.

    Raises:
        UsageError: the ending names no format that Pillow writes.
        ValueError: the format cannot hold it.
        OSError: the disk refuses.
    """
    form = require_format(path)
    levels = picture.levels if picture.alpha is None else np.dstack([picture.levels, picture.alpha])
    try:
        content = _encoded(Image.fromarray(levels), form, picture.profile)
    except (OSError, ValueError, KeyError) as error:  # nothing but memory is written to
        raise ValueError(f"{form} cannot hold it: {error}") from None
    write_atomically(path, content)


def kept_ending(source: Path) -> str:
    """The ending of a picture's translation: its own, where that is common and can hold one, else ``.png``."""
    common = ENDINGS.get(source.suffix.lower()) in _COMMON
    return source.suffix if common and can_hold(source, source) else ".png"


def can_hold(path: Path, source: Path) -> bool:
    """Whether the format that a path's ending names can hold the transparency of a picture file."""
    return ENDINGS.get(path.suffix.lower()) not in _OPAQUE or not has_alpha(source)


def _encoded(picture: Image.Image, form: str, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=_QUALITY, icc_profile=profile)
    return buffer.getvalue()


def columns(count: int) -> int:
    """Pictures in a row of a grid that is about square."""
    return math.ceil(math.sqrt(count))


def require_format(path: Path) -> str:
    """The format that a path's ending names.

    Raises:
        UsageError: it names none that Pillow writes.
    """
    form = ENDINGS.get(path.suffix.lower(), "")
    if form not in Image.SAVE:
        raise UsageError(f"{path.name} has an ending that names no picture format.", "Use .png, .jpg or .webp.")
    return form
