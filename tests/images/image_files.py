"""Make image files, frames and tensors for tests: soft, flat, or PNGs with chunks of their own."""

import io
import struct
import zlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganctl.images.frames import Frame

SOFT = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)).resize((96, 64)), np.uint8
)


def encode(image_format: str, image: Image.Image | None = None, **options: object) -> bytes:
    """Encode an image, the soft one if not given, as the bytes of a file."""
    buffer = io.BytesIO()
    (image or Image.fromarray(SOFT)).save(buffer, image_format, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    return (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)
    )


def png(*chunks: bytes, last: bool = False) -> bytes:
    """A PNG with chunks before or after its pixels."""
    content = encode("PNG")
    offset = len(content) - 12 if last else 33
    return content[:offset] + b"".join(chunks) + content[offset:]


def flat_frame(level: int, height: int = 40, width: int = 40) -> Frame:
    """A frame of one grey level."""
    return np.full((height, width, 3), level, np.uint8)


def flat_images(*values: float, size: int = 4, channels: int = 1) -> Tensor:
    """An image [channels, size, size] of one value for each of the values."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, channels, size, size)
