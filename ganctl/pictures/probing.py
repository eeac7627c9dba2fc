"""What a picture is, found out without keeping it."""

from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags

from ganctl.pictures.reading import opened


class Probe(NamedTuple):
    """A picture's sides in pixels, as it is shown, and its Pillow mode."""

    width: int
    height: int
    mode: str


def probe(path: Path) -> Probe:
    """What a picture is. All of it is decoded, at the least size that its format allows: a part may be missing.

    Raises:
        OSError: Pillow cannot read it; what it says is the reason, without the path.
    """
    with opened(path) as file:
        width, height, mode = file.width, file.height, file.mode
        if file.getexif().get(ExifTags.Base.Orientation, 1) >= 5:  # it lies on its side
            width, height = height, width
        file.draft(mode, (1, 1))
        file.load()
    return Probe(width, height, mode)
