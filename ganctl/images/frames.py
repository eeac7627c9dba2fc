"""What a film is made of: pictures over a line of text, each made when it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ganctl.errors import GanctlError
from ganctl.images.grids import PAPER
from ganctl.images.reading import opened

Frame = NDArray[np.uint8]
"""Levels [H, W, 3]."""

_FILM_SIDE = 560
_LABEL_HEIGHT = 34


@dataclass(frozen=True)
class Frames:
    """The frames of a film, each made when it is asked for.

    Attributes:
        count: how many there are.
        size: height and width of the largest.
        make: frame number i; a film asks for some of them, and for one of them again.
    """

    count: int
    size: tuple[int, int]
    make: Callable[[int], Frame]

    @classmethod
    def alike(cls, count: int, make: Callable[[int], Frame]) -> "Frames":
        """Frames of which all are as large as the first."""
        height, width, _ = make(0).shape
        return cls(count, (height, width), make)


def progress_frames(previews: Sequence[tuple[int, Path]]) -> Frames:
    """The frames of previews, each over its epoch; of the files only the heads are read now.

    Args:
        previews: ``(epoch, file)``, at least one.

    Raises:
        GanctlError: a file cannot be read.
    """
    sizes = [_frame_size(_size_of(file), _LABEL_HEIGHT) for _, file in previews]
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    return Frames(len(previews), (height, width), lambda i: frame(previews[i][1], f"epoch {previews[i][0]}"))


def frame(path: Path, text: str) -> Frame:
    """A film's frame of a picture file: see `labelled`.

    Raises:
        GanctlError: the file cannot be read.
    """
    with _opened(path) as picture:
        return labelled(picture, text)


def labelled(picture: Image.Image, text: str) -> Frame:
    """A film's frame: the picture, brought to the film's width, over a line of text. [H, W, 3], even sides."""
    width, height = _scaled(picture.size)
    bar = _LABEL_HEIGHT if text else 0
    shown = picture.convert("RGB")
    if shown.size != (width, height):
        shown = shown.resize((width, height), Image.Resampling.LANCZOS)
    frame = Image.new("RGB", _frame_size(picture.size, bar), (PAPER,) * 3)
    frame.paste(shown, (0, 0))
    if text:
        middle = (frame.width / 2, height + bar / 2)
        ImageDraw.Draw(frame).text(middle, text, (225,) * 3, ImageFont.load_default(18), anchor="mm")
    return np.asarray(frame)


def _size_of(path: Path) -> tuple[int, int]:
    with _opened(path) as picture:
        return picture.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A preview, and a GanctlError for whatever goes wrong inside."""
    try:
        with opened(path) as picture:
            yield picture
    except OSError as error:
        raise GanctlError(f"{path} cannot be read: {error}.", "Remove it, and the film goes without it.") from None


def _scaled(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which a film shows a picture of a size."""
    factor = _FILM_SIDE / max(size)
    if 0.7 < factor < 1.5:
        return size
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height


def _frame_size(size: tuple[int, int], bar: int) -> tuple[int, int]:
    """Width and height of the frame of a picture over a bar: even ones."""
    width, height = _scaled(size)
    return width + width % 2, height + bar + (height + bar) % 2
