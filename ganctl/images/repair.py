"""Repair image files with malformed metadata or missing last bytes, so that Pillow reads their pixels.

This is for files that Pillow has refused. A repaired file is a copy with nothing in it but what its pixels need; the
EXIF data and the colour profile are returned beside it, as they were.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganctl.images.formats import open_unlimited

_MAX_MISSING_SHARE = 0.05  # of the pixels; a file that lacks more is not repaired
_MAX_PROFILE_BYTES = 2**26
_MAX_COMPARED_SIZE = 4096  # pixels of a side at which two decodings of a JPEG are compared
_FILLER_BYTES = bytes(i * 167 % 255 for i in range(8192))  # never 0xff, which would be a marker
_JPEG_END = b"\xff\xd9"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# The tags that say how a TIFF's pixels are stored, their orientation and colours; 34675 is the ICC profile.
_TIFF_TAGS = {*range(254, 260), 262, 266, *range(273, 281), 284, 290, 291, 292, 293, 317, *range(320, 326), 330, 332}
_TIFF_TAGS |= {*range(336, 342), 347, *range(512, 522), *range(529, 533), 34675}
_WEBP_CHUNKS = {b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}


@dataclass(frozen=True)
class RepairedFile:
    """A repaired image file.

    Attributes:
        content: the file, without metadata.
        exif: the EXIF data it had; empty where it had none, or where they are still in the file.
        profile: likewise the ICC profile.
    """

    content: bytes
    exif: bytes = b""
    profile: bytes = b""


def repair(content: bytes) -> RepairedFile | None:
    """Repair an image file that Pillow refused; None where no repair is known."""
    try:
        if content.startswith(b"\xff\xd8"):
            return _repair_jpeg(content)
        if content.startswith(_PNG_SIGNATURE):
            return _repair_png(content)
        if content[:4] in _TIFF_BYTE_ORDERS:
            return _repair_tiff(content, _TIFF_BYTE_ORDERS[content[:4]])
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _repair_webp(content)
        if content[:2] in (b"BM", b"P5", b"P6"):  # after its header, only rows of pixels
            return RepairedFile(content + bytes(int(len(content) * _MAX_MISSING_SHARE)))
    except Exception:  # more than the metadata is malformed; indexing, struct, zlib and Pillow raise anything
        return None
    return None


def read_orientation(exif: bytes) -> int:
    """Read the orientation from EXIF data, whatever is wrong with the other tags; 1 where there is none."""
    exif = exif.removeprefix(b"Exif\0\0")
    if (order := _TIFF_BYTE_ORDERS.get(exif[:4])) is None or len(exif) < 10:
        return 1
    start = struct.unpack_from(f"{order}I", exif, 4)[0]
    for offset in range(start + 2, len(exif) - 9, 12):
        tag, data_type = struct.unpack_from(f"{order}HH", exif, offset)
        if tag == 0x0112:
            return int(struct.unpack_from(f"{order}H", exif, offset + 8)[0]) if data_type == 3 else 1
    return 1


def _repair_jpeg(content: bytes) -> RepairedFile | None:
    offset, segments, exif, profile = 2, [content[:2]], b"", {}
    while (marker := content[offset + 1]) != 0xDA:  # start of scan
        if content[offset] != 0xFF:
            return None
        end = offset + 2 + int.from_bytes(content[offset + 2 : offset + 4], "big")
        data = content[offset + 4 : end]
        if marker == 0xE1 and data.startswith(b"Exif\0\0"):
            exif = data
        elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0") and len(data) > 14:
            profile[data[12]] = data[14:]
        elif marker == 0xFF:  # a fill byte
            end = offset + 1
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE) or _is_colour_segment(marker, data):
            segments.append(content[offset:end])
        offset = end
    jpeg = b"".join(segments) + content[offset:]
    if _JPEG_END not in content[offset:]:
        jpeg = jpeg.rstrip(b"\xff")
        if _missing_share(jpeg) > _MAX_MISSING_SHARE:
            return None
        jpeg += _JPEG_END
    return RepairedFile(jpeg, exif, b"".join(profile[number] for number in sorted(profile)))


def _is_colour_segment(marker: int, data: bytes) -> bool:
    """Whether a JPEG's segment is one of the two that tell a decoder which colour space the channels are in."""
    is_jfif = marker == 0xE0 and data.startswith(b"JFIF\0") and len(data) >= 14
    is_adobe = marker == 0xEE and data.startswith(b"Adobe") and len(data) >= 12
    return is_jfif or is_adobe


def _missing_share(jpeg: bytes) -> float:
    """The missing share of the area of a JPEG without its end.

    Missing are the pixels from the first on that depends on what is appended to the file.
    """
    decodings = [_decode_luma(jpeg + filler + _JPEG_END) for filler in (b"", _FILLER_BYTES)]
    differing = decodings[0] != decodings[1]
    rows = np.flatnonzero(differing.any(axis=1))
    if not len(rows):
        return 0.0
    height, width = differing.shape
    left = int(np.flatnonzero(differing[rows[0] : rows[0] + 8].any(axis=0))[0])  # in the first row of blocks
    share: float = ((height - int(rows[0])) * width - 8 * left) / (height * width)
    return share


def _decode_luma(jpeg: bytes) -> NDArray[np.uint8]:
    with open_unlimited(io.BytesIO(jpeg)) as file:
        file.draft("L", tuple(min(length, _MAX_COMPARED_SIZE) for length in file.size))  # type: ignore[arg-type]
        return np.asarray(file.convert("L"))


def _repair_png(content: bytes) -> RepairedFile | None:
    offset, chunks, compressed, exif, profile, name = 8, b"", b"", b"", b"", b""
    while offset + 8 <= len(content) and name != b"IEND":
        length, name = int.from_bytes(content[offset : offset + 4], "big"), content[offset + 4 : offset + 8]
        data = content[offset + 8 : offset + 8 + length]
        if name == b"IDAT":
            compressed += data
        elif name in (b"IHDR", b"PLTE"):
            chunks += content[offset : offset + 12 + length]
        elif name == b"tRNS" and len(data) in {0: (2,), 2: (6,), 3: range(1, 257)}.get(chunks[17], ()):
            chunks += _png_chunk(name, data)
        elif name == b"eXIf":
            exif = data
        elif name == b"iCCP":
            profile = _decompress_profile(data.partition(b"\0")[2][1:])
        offset += 12 + length
    if name != b"IEND" and (compressed := _complete_rows(chunks[8:21], compressed)) == b"":
        return None
    repaired = _PNG_SIGNATURE + chunks + _png_chunk(b"IDAT", compressed) + _png_chunk(b"IEND", b"")
    return RepairedFile(repaired, exif, profile)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _decompress_profile(compressed: bytes) -> bytes:
    """The ICC profile; empty where the data are damaged."""
    try:
        return zlib.decompressobj().decompress(compressed, _MAX_PROFILE_BYTES)
    except zlib.error:
        return b""


def _complete_rows(header: bytes, compressed: bytes) -> bytes:
    """Complete a PNG's compressed rows, whose last bytes are missing; empty where too much is missing."""
    width, height, depth, colour_type, _, _, is_interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _PNG_CHANNELS[colour_type]
    passes = _ADAM7_PASSES if is_interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    length = sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0)
    rows = zlib.decompressobj().decompress(compressed, length)
    if len(rows) < length * (1 - _MAX_MISSING_SHARE):
        return b""
    stride = 1 + -(-sizes[-1][0] * bits // 8)
    missing = length - len(rows)
    copies_of_row_above = (b"\2" + bytes(stride - 1)) * (missing // stride)  # filter type 2, Up, and no difference
    return zlib.compress(rows + bytes(missing % stride) + copies_of_row_above, 1)


def _repair_tiff(content: bytes, order: str) -> RepairedFile | None:
    """Keep those tags of the first directory that the pixels need."""
    start = struct.unpack_from(f"{order}I", content, 4)[0]
    count = min(struct.unpack_from(f"{order}H", content, start)[0], (len(content) - start - 2) // 12)
    entries = [content[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    needed = [entry for entry in entries if struct.unpack(f"{order}H", entry[:2])[0] in _TIFF_TAGS]
    directory = struct.pack(f"{order}H", len(needed)) + b"".join(needed) + bytes(4)
    return RepairedFile(content[:4] + struct.pack(f"{order}I", len(content)) + content[8:] + directory)


def _repair_webp(content: bytes) -> RepairedFile | None:
    offset, chunks, exif, profile = 12, b"", b"", b""
    while offset + 8 <= len(content):
        name, length = content[offset : offset + 4], int.from_bytes(content[offset + 4 : offset + 8], "little")
        data = content[offset + 8 : offset + 8 + length]
        if name in _WEBP_CHUNKS:
            if len(data) < length and name == b"ANMF" and name in chunks:
                break  # a later frame of an animation, and only the first is read
            if len(data) < length * (1 - _MAX_MISSING_SHARE):
                return None
            data = data.ljust(length, b"\0")
            if name == b"VP8X":
                data = bytes([data[0] & 0b00010010]) + data[1:]  # the flags for alpha and animation, not for metadata
            chunks += name + struct.pack("<I", length) + data + bytes(length % 2)
        elif name == b"EXIF":
            exif = data
        elif name == b"ICCP":
            profile = data
        offset += 8 + length + length % 2
    return RepairedFile(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks, exif, profile)
