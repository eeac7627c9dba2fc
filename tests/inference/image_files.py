"""Make, translate and read image files, for tests of translating."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.commands import Outcome, ganctl

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (13, 18, 3), np.uint8)


def save_flat(path: str | Path, level: int = 100, alpha: bool = False, **options: Any) -> Path:
    """Save an image of one grey level, translucent with `alpha`."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA" if alpha else "RGB", (9, 7), (level, level, level, 99)[: 3 + alpha]).save(path, **options)
    return Path(path)


def flat_level(path: str | Path) -> int:
    """The grey level of a flat image."""
    with Image.open(path) as file:
        return int(np.asarray(file.convert("L"))[3, 3])


def files_in(*folders: str) -> list[str]:
    """The files in folders, hidden ones too."""
    return sorted(str(path) for folder in folders for path in Path(folder).rglob("*") if path.is_file())


def translate(*arguments: object) -> Outcome:
    return ganctl("translate", "m", *arguments)


def save_pixels(path: str | Path, pixels: NDArray[np.uint8] = NOISE) -> Path:
    """Save pixels in the format that the suffix names."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Path(path)


def read_pixels(path: Path | str) -> NDArray[np.uint8]:
    """The pixels of a translation, which is RGB or RGBA, and has no EXIF orientation."""
    with Image.open(path) as file:
        assert file.mode in ("RGB", "RGBA")
        assert file.getexif().get(0x0112) is None
        return np.asarray(file)


BROKEN = {
    "empty.jpg": "it is no picture",
    "fifo.png": "it is a device or a pipe",
    "gone.png": "it is a link to nothing",
    "huge.png": "it has more than 128 megapixels, which --max-megapixels would allow",
    "huger.png": "it has more than 128 megapixels, which --max-megapixels would allow",
    "loop.png": "Too many levels of symbolic links",
    "text.jpg": "it is no picture",
    "truncated.jpg": "image file is truncated",
    "truncated.png": "image file is truncated",
}


def bomb(width: int, height: int) -> bytes:
    """A short PNG whose header says that it is too large for memory."""
    size = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (size, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
