"""Find out the size and the mode of an image file without keeping its pixels."""

from pathlib import Path
from typing import NamedTuple

from ganctl.images.reading import MAX_MEGAPIXELS, decode


class Probe(NamedTuple):
    """An image's width and height in pixels, upright, and its Pillow mode."""

    width: int
    height: int
    mode: str


def probe(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> Probe:
    """Probe an image file. It is decoded to its end, because a part may be missing, at the smallest size possible.

    Raises:
        OSError: see `reading.decode`.
    """
    decoded = decode(path, 1, max_megapixels)
    return Probe(*decoded.size, decoded.mode)
