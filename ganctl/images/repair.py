"""Pictures whose metadata is malformed, or whose last bytes are missing, made such that Pillow reads their pixels.

Only what Pillow has refused comes here: a copy of the file with nothing in it but what its pixels need, and, beside
it, the EXIF data and the colour profile as they were.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganctl.images.formats import open_image

_MISSING = 0.05  # of the pixels: what lacks more is no picture without its last bytes, but a part of one
_PROFILE = 2**26  # bytes of a colour profile at most
_SHOWN = 4096  # pixels of a side at which it is compared what two ends make of a JPEG
_FILLER = bytes(i * 167 % 255 for i in range(8192))  # never 0xff, which would be a marker
_END = b"\xff\xd9"
_PNG, _TIFF = b"\x89PNG\r\n\x1a\n", {b"II*\0": "<", b"MM\0*": ">"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's colour type
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# What says how a TIFF's pixels are stored, which way up they are and in which colours: all below 34675, its profile.
_TIFF_TAGS = {*range(254, 260), 262, 266, *range(273, 281), 284, 290, 291, 292, 293, 317, *range(320, 326), 330, 332}
_TIFF_TAGS |= {*range(336, 342), 347, *range(512, 522), *range(529, 533), 34675}
_WEBP_CHUNKS = {b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}


@dataclass(frozen=True)
class Repaired:
    """A picture file that was mended.

    Attributes:
        content: the file, with its pixels alone.
        exif: the EXIF data that it had; empty where it had none, or where they are still in the file.
        profile: likewise the colour profile.
    """

    content: bytes
    exif: bytes = b""
    profile: bytes = b""


def repair(content: bytes) -> Repaired | None:
    """A picture file that Pillow refused, mended; None where that is not known to help."""
    try:
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
        if content.startswith(_PNG):
            return _png(content)
        if content[:4] in _TIFF:
            return _tiff(content, _TIFF[content[:4]])
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
        if content[:2] in (b"BM", b"P5", b"P6"):  # BMP and PPM are rows and nothing else
            return Repaired(content + bytes(int(len(content) * _MISSING)))
    except Exception:  # what is malformed is more than metadata, and Pillow's readers raise anything
        return None
    return None


def orientation(exif: bytes) -> int:
    """The orientation that EXIF data begin with, whatever is wrong with the rest of them; 1 where there is none."""
    exif = exif.removeprefix(b"Exif\0\0")
    if (order := _TIFF.get(exif[:4])) is None or len(exif) < 10:
        return 1
    start = struct.unpack_from(f"{order}I", exif, 4)[0]
    for at in range(start + 2, len(exif) - 9, 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, at)
        if tag == 0x0112:
            return int(struct.unpack_from(f"{order}H", exif, at + 8)[0]) if kind == 3 else 1
    return 1


def _jpeg(content: bytes) -> Repaired | None:
    at, kept, exif, profile = 2, [content[:2]], b"", {}
    while (marker := content[at + 1]) != 0xDA:  # the beginning of the first scan
        if content[at] != 0xFF:
            return None
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        data = content[at + 4 : end]
        if marker == 0xE1 and data.startswith(b"Exif\0\0"):
            exif = data
        elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0") and len(data) > 14:
            profile[data[12]] = data[14:]
        elif marker == 0xFF:  # a fill byte
            end = at + 1
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE) or _says_colours(marker, data):
            kept.append(content[at:end])
        at = end
    pixels = b"".join(kept) + content[at:]
    if _END not in content[at:]:
        pixels = pixels.rstrip(b"\xff")
        if _share_missing(pixels) > _MISSING:
            return None
        pixels += _END
    return Repaired(pixels, exif, b"".join(profile[number] for number in sorted(profile)))


def _says_colours(marker: int, data: bytes) -> bool:
    """Whether a JPEG's segment is one of the two that tell its decoder which colours the channels are."""
    jfif, adobe = marker == 0xE0 and data.startswith(b"JFIF\0"), marker == 0xEE and data.startswith(b"Adobe")
    return (jfif and len(data) >= 14) or (adobe and len(data) >= 12)


def _share_missing(pixels: bytes) -> float:
    """How much of a JPEG without its end is missing, by area: all from where it matters what comes after the end."""
    ends = [_luma(pixels + rest + _END) for rest in (b"", _FILLER)]
    differing = ends[0] != ends[1]
    rows = np.flatnonzero(differing.any(axis=1))
    if not len(rows):
        return 0.0
    height, width = differing.shape
    left = int(np.flatnonzero(differing[rows[0] : rows[0] + 8].any(axis=0))[0])
    missing: float = ((height - int(rows[0])) * width - 8 * left) / (height * width)
    return missing


def _luma(jpeg: bytes) -> NDArray[np.uint8]:
    with open_image(io.BytesIO(jpeg)) as file:
        file.draft("L", tuple(min(side, _SHOWN) for side in file.size))  # type: ignore[arg-type]
        return np.asarray(file.convert("L"))


def _png(content: bytes) -> Repaired | None:
    at, kept, packed, exif, profile, kind = 8, b"", b"", b"", b"", b""
    while at + 8 <= len(content) and kind != b"IEND":
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        data = content[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            packed += data
        elif kind in (b"IHDR", b"PLTE"):
            kept += content[at : at + 12 + length]
        elif kind == b"tRNS" and len(data) in {0: (2,), 2: (6,), 3: range(1, 257)}.get(kept[17], ()):
            kept += _chunk(kind, data)
        elif kind == b"eXIf":
            exif = data
        elif kind == b"iCCP":
            profile = _inflated(data.partition(b"\0")[2][1:])
        at += 12 + length
    if kind != b"IEND" and (packed := _completed(kept[8:21], packed)) == b"":
        return None
    return Repaired(_PNG + kept + _chunk(b"IDAT", packed) + _chunk(b"IEND", b""), exif, profile)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _inflated(packed: bytes) -> bytes:
    """A compressed colour profile; empty where it is none."""
    try:
        return zlib.decompressobj().decompress(packed, _PROFILE)
    except zlib.error:
        return b""


def _completed(header: bytes, packed: bytes) -> bytes:
    """A PNG's compressed rows without their last bytes, completed; empty where more is missing."""
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS[colours]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    length = sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0)
    rows = zlib.decompressobj().decompress(packed, length)
    if len(rows) < length * (1 - _MISSING):
        return b""
    stride = 1 + -(-sizes[-1][0] * bits // 8)
    missing = length - len(rows)
    like_above = (b"\2" + bytes(stride - 1)) * (missing // stride)
    return zlib.compress(rows + bytes(missing % stride) + like_above, 1)


def _tiff(content: bytes, order: str) -> Repaired | None:
    """With those of its first directory's tags only that are needed, and lie in the file."""
    start = struct.unpack_from(f"{order}I", content, 4)[0]
    count = min(struct.unpack_from(f"{order}H", content, start)[0], (len(content) - start - 2) // 12)
    entries = [content[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    known = [entry for entry in entries if struct.unpack(f"{order}H", entry[:2])[0] in _TIFF_TAGS]
    directory = struct.pack(f"{order}H", len(known)) + b"".join(known) + bytes(4)
    return Repaired(content[:4] + struct.pack(f"{order}I", len(content)) + content[8:] + directory)


def _webp(content: bytes) -> Repaired | None:
    at, kept, exif, profile = 12, b"", b"", b""
    while at + 8 <= len(content):
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        data = content[at + 8 : at + 8 + length]
        if kind in _WEBP_CHUNKS:
            if len(data) < length and kind == b"ANMF" and kind in kept:
                break  # a later frame of an animation, and only the first is read
            if len(data) < length * (1 - _MISSING):
                return None
            data = data.ljust(length, b"\0")
            if kind == b"VP8X":
                data = bytes([data[0] & 0b00010010]) + data[1:]  # alpha and animation, and no metadata
            kept += kind + struct.pack("<I", length) + data + bytes(length % 2)
        elif kind == b"EXIF":
            exif = data
        elif kind == b"ICCP":
            profile = data
        at += 8 + length + length % 2
    return Repaired(b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept, exif, profile)
