"""Make thumbnails for a page: small WebP files, which every browser shows."""

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ganctl.images.captions import Captions, read_captions
from ganctl.images.grids import split_grid
from ganctl.images.reading import open_image

_QUALITY = 82
_MAX_CELL_SIZE = 384  # pixels of a grid cell's longer side


class Thumbnail(NamedTuple):
    """An image as a WebP file, and its size in pixels."""

    width: int
    height: int
    content: bytes


def make_thumbnail(path: Path, max_size: int) -> Thumbnail:
    """Make a thumbnail of an image file, whose longer side has at most `max_size` pixels.

    Raises:
        OSError: Pillow cannot read it; the message is the reason, without the path.
    """
    with open_image(path) as file:
        return _encode(file.convert("RGB"), max_size)


def captions_of(path: Path) -> Captions:
    """The captions in a preview's file. Raises OSError where Pillow cannot read it."""
    with open_image(path) as file:
        return read_captions(file)


def grid_thumbnails(path: Path, columns: int, size: int) -> list[list[Thumbnail]]:
    """Make thumbnails of a preview's images, row by row.

    Raises:
        OSError: Pillow cannot read it, or it is no grid with so many columns of square images of that size.
    """
    with open_image(path) as file:  # which turns split_grid's ValueError into an OSError
        rows = split_grid(file.convert("RGB"), columns, size)
        return [[_encode(image, _MAX_CELL_SIZE) for image in row] for row in rows]


def _encode(image: Image.Image, max_size: int) -> Thumbnail:
    if max(image.size) > max_size:
        factor = max_size / max(image.size)
        width, height = (max(1, round(length * factor)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY)
    return Thumbnail(image.width, image.height, buffer.getvalue())
