"""Frames of an animation: images over a line of text, each made when it is needed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ganctl.errors import GanctlError
from ganctl.images.captions import read_captions
from ganctl.images.grids import BACKGROUND_LEVEL
from ganctl.images.reading import open_image

Frame = NDArray[np.uint8]
"""uint8 pixels [H, W, 3]."""

_TARGET_SIZE = 560  # pixels of an image's longer side
_LABEL_HEIGHT = 34  # pixels
_TITLE_HEIGHT = 22  # pixels
_TITLE_FONT_SIZES = range(14, 6, -1)  # the first that fits a column; the last in any case


@dataclass(frozen=True)
class LazyFrames:
    """The frames of an animation, each made when it is needed.

    Attributes:
        count: the number of frames.
        size: height and width of the largest, in pixels.
        make: frame number i; an animation may need only some of them, and one of them again.
    """

    count: int
    size: tuple[int, int]
    make: Callable[[int], Frame]

    @classmethod
    def same_size(cls, count: int, make: Callable[[int], Frame]) -> "LazyFrames":
        """Frames that all have the size of the first."""
        height, width, _ = make(0).shape
        return cls(count, (height, width), make)


def preview_frames(previews: Sequence[tuple[int, Path]]) -> LazyFrames:
    """The frames of previews, each with its columns' titles, and its epoch; only the files' headers are read now.

    Args:
        previews: ``(epoch, file)``, at least one.

    Raises:
        GanctlError: a file cannot be read.
    """
    sizes = [_read_frame_size(file) for _, file in previews]
    width, height = (max(lengths) for lengths in zip(*sizes, strict=True))
    return LazyFrames(len(previews), (height, width), lambda i: read_frame(previews[i][1], f"epoch {previews[i][0]}"))


def read_frame(path: Path, text: str) -> Frame:
    """The labelled frame of an image file, with the titles that are in it: see `label_frame`.

    Raises:
        GanctlError: the file cannot be read.
    """
    with _open(path) as image:
        return label_frame(image, text, read_captions(image).titles)


def label_frame(image: Image.Image, text: str, titles: Sequence[str] = ()) -> Frame:
    """An image, scaled to the size of an animation, over a line of text: a frame [H, W, 3] of even height and width.

    Args:
        image: of any size.
        text: none for no line.
        titles: of the image's columns, which stand beneath them.
    """
    width, height = _scaled_size(image.size)
    title_height = _TITLE_HEIGHT if titles else 0
    label_height = title_height + (_LABEL_HEIGHT if text else 0)
    scaled = image.convert("RGB")
    if scaled.size != (width, height):
        scaled = scaled.resize((width, height), Image.Resampling.LANCZOS)
    frame = Image.new("RGB", _frame_size(image.size, label_height), (BACKGROUND_LEVEL,) * 3)
    frame.paste(scaled, (0, 0))
    draw = ImageDraw.Draw(frame)
    column_width = width / max(1, len(titles))
    font = _title_font(titles, 0.95 * column_width)
    for i, title in enumerate(titles):
        draw.text(((i + 0.5) * column_width, height + title_height / 2), title, (180,) * 3, font, anchor="mm")
    if text:
        centre = (frame.width / 2, height + title_height + (label_height - title_height) / 2)
        draw.text(centre, text, (225,) * 3, ImageFont.load_default(18), anchor="mm")
    return np.asarray(frame)


def _title_font(titles: Sequence[str], width: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The largest font in which every title is no wider than its column, in pixels."""
    for size in _TITLE_FONT_SIZES:
        font = ImageFont.load_default(size)
        if all(font.getlength(title) <= width for title in titles):
            break
    return font


def _read_frame_size(path: Path) -> tuple[int, int]:
    """Width and height of the labelled frame of a preview."""
    with _open(path) as image:
        return _frame_size(image.size, _LABEL_HEIGHT + (_TITLE_HEIGHT if read_captions(image).titles else 0))


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Open a preview; whatever goes wrong inside the block becomes a GanctlError."""
    try:
        with open_image(path) as image:
            yield image
    except OSError as error:
        raise GanctlError(f"{path} cannot be read: {error}.", "Remove it, and the film goes without it.") from None


def _scaled_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height to which an animation scales an image; one of about the right size is left sharp."""
    factor = _TARGET_SIZE / max(size)
    if 0.7 < factor < 1.5:
        return size
    width, height = (max(1, round(length * factor)) for length in size)
    return width, height


def _frame_size(size: tuple[int, int], label_height: int) -> tuple[int, int]:
    """Width and height of an image's frame: even numbers, as video codecs need them."""
    width, height = _scaled_size(size)
    return width + width % 2, height + label_height + (height + label_height) % 2
