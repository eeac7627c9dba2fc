"""What a picture is, found out without keeping it."""

from pathlib import Path
from typing import NamedTuple

from ganctl.images.reading import MAX_MEGAPIXELS, decode


class Probe(NamedTuple):
    """A picture's sides in pixels, as it is shown, and its Pillow mode."""

    width: int
    height: int
    mode: str


def probe(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> Probe:
    """What a picture is. All of it is decoded, at the least size that its format allows: a part may be missing.

    Raises:
        OSError: see `reading.decode`.
    """
    found = decode(path, 1, max_megapixels)
    return Probe(*found.size, found.mode)
