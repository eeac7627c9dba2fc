"""Pictures as small files that a page can hold: WebP, which every browser shows."""

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ganctl.images.grids import cells
from ganctl.images.reading import opened

_QUALITY = 82
_CELL = 384  # the longest side of a single picture, in pixels


class Thumbnail(NamedTuple):
    """A picture as a WebP file, and its sides in pixels."""

    width: int
    height: int
    content: bytes


def thumbnail(path: Path, most: int) -> Thumbnail:
    """A picture file as a small one, no side longer than `most` pixels.

    Raises:
        OSError: Pillow cannot read it; what it says is the reason, without the path.
    """
    with opened(path) as file:
        return _encoded(file.convert("RGB"), most)


def cell_thumbnails(path: Path, columns: int, size: int) -> list[list[Thumbnail]]:
    """The rows of a progress sheet, as small files.

    Raises:
        OSError: Pillow cannot read it, or it is no sheet of so many columns of square pictures of that size.
    """
    with opened(path) as file:  # whose ValueError becomes an OSError
        return [[_encoded(cell, _CELL) for cell in row] for row in cells(file.convert("RGB"), columns, size)]


def _encoded(picture: Image.Image, most: int) -> Thumbnail:
    if max(picture.size) > most:
        factor = most / max(picture.size)
        width, height = (max(1, round(side * factor)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY)
    return Thumbnail(picture.width, picture.height, buffer.getvalue())
