"""Files with malformed metadata or missing last bytes are read, and all commands agree on them."""

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.images import reading
from ganctl.images.probing import Probe, probe
from ganctl.images.reading import has_alpha
from ganctl.inference import loading
from tests.commands import ganctl
from tests.images.image_files import SOFT, chunk, encode, png
from tests.translators import negative


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with more segments before its pixels."""
    content = encode("JPEG", quality=95)
    encoded_segments = (
        b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments
    )
    return content[:2] + b"".join(encoded_segments) + content[2:]


def exif(*entries: tuple[int, int, int, bytes], count: int | None = None) -> bytes:
    """EXIF data with an orientation of 90° and other entries: tag, type, count and value."""
    all_entries = [(0x0112, 3, 1, struct.pack("<HH", 6, 0)), *entries]
    directory = b"".join(
        struct.pack("<HHI", tag, data_type, length) + value for tag, data_type, length, value in all_entries
    )
    return b"II*\0" + struct.pack("<IH", 8, count or len(all_entries)) + directory + bytes(4)


def tiff(*entries: tuple[int, int, int, bytes], compression: str | None = None) -> bytes:
    """A TIFF with more tags."""
    content = encode("TIFF", compression=compression)
    start = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, start)[0]
    own = [content[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    all_entries = sorted(
        [*own, *(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)], key=lambda e: e[1::-1]
    )
    return (
        content[:4]
        + struct.pack("<I", len(content))
        + content[8:]
        + struct.pack("<H", len(all_entries))
        + b"".join(all_entries)
        + bytes(4)
    )


def webp(cut: int = 0) -> bytes:
    """A WebP with EXIF data, without the last `cut` bytes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode("WEBP", lossless=True, exif=exif.tobytes())[: -cut or None]


LARGE = zlib.compress(bytes(2**21))  # two megabytes of a profile or a text


BEYOND = struct.pack("<I", 2**30)


UPRIGHT = {
    "png, profile of unknown method": png(chunk(b"iCCP", b"a\0\5" + zlib.compress(b"x"))),
    "png, profile of two megabytes": png(chunk(b"iCCP", b"a\0\0" + LARGE)),
    "png, profile that is not compressed": png(chunk(b"iCCP", b"a\0\0x")),
    "png, text of two megabytes": png(chunk(b"zTXt", b"a\0\0" + LARGE)),
    "png, text of two megabytes at its end": png(chunk(b"zTXt", b"a\0\0" + LARGE), last=True),
    "png, international text of two megabytes": png(chunk(b"iTXt", b"a\0\1\0\0\0" + LARGE)),
    "png, checksum of a text": png(chunk(b"tEXt", b"a\0b", crc=1)),
    "png, checksum of what nobody knows": png(chunk(b"prVt", b"ab", crc=1)),
    "png, exif that is none": png(chunk(b"eXIf", b"garbage")),
    "png, short chunks": png(*(chunk(kind, b"x") for kind in (b"gAMA", b"pHYs", b"tRNS", b"acTL"))),
    "png, empty srgb": png(chunk(b"sRGB", b"")),
    "png, no end": png()[:-12],
    "png, half its end": png()[:-9],
    "png, no checksum of its pixels": png()[:-22],
    "jpeg, profile without an order": jpeg((0xE2, b"ICC_PROFILE\0")),
    "jpeg, profile that is none": jpeg((0xE2, b"ICC_PROFILE\0\1\1garbage")),
    "jpeg, other pictures that are none": jpeg((0xE2, b"MPF\0garbage")),
    "jpeg, xmp that is none": jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<<")),
    "jpeg, short adobe": jpeg((0xEE, b"Adobe")),
    "jpeg, short jfif": jpeg((0xE0, b"JFIF\0")),
    "jpeg, no end": jpeg()[:-2],
    "jpeg, half its end": jpeg()[:-1],
    "jpeg, progressive and no end": encode("JPEG", quality=95, progressive=True)[:-2],
    "tiff, profile beyond its end": tiff((34675, 7, 9999, BEYOND)),
    "tiff, exif beyond its end": tiff((34665, 4, 1, BEYOND)),
    "tiff, resolution beyond its end": tiff((282, 5, 1, BEYOND), compression="tiff_lzw"),
    "tiff, xmp as text": tiff((700, 2, 4, b"\xff\xfe\xfd\0")),
    "tiff, text for an orientation": tiff((274, 2, 4, b"abc\0")),
    "webp, profile that is none": encode("WEBP", lossless=True, icc_profile=b"garbage"),
}


TURNED = {
    "jpeg, rational as text": jpeg((0xE1, b"Exif\0\0" + exif((0x011A, 2, 4, b"abc\0")))),
    "jpeg, rational beyond the end": jpeg((0xE1, b"Exif\0\0" + exif((0x011A, 5, 1, BEYOND)))),
    "jpeg, exif shorter than it says": jpeg((0xE1, b"Exif\0\0" + exif(count=99)[:-2])),
    "jpeg, broken profile and a turn": jpeg((0xE2, b"ICC_PROFILE\0"), (0xE1, b"Exif\0\0" + exif())),
    "png, rational as text": png(chunk(b"eXIf", exif((0x011A, 2, 4, b"abc\0")))),
    "png, broken profile and a turn": png(chunk(b"iCCP", b"a\0\5x"), chunk(b"eXIf", exif())),
    "png, profile of two megabytes and a turn": png(chunk(b"iCCP", b"a\0\0" + LARGE), chunk(b"eXIf", exif())),
    "tiff, turned": tiff((274, 3, 1, struct.pack("<HH", 6, 0))),
    "tiff, turned, and xmp as text": tiff((274, 3, 1, struct.pack("<HH", 6, 0)), (700, 2, 4, b"\xff\xfe\xfd\0")),
    "webp, turned": webp(),
    "webp, exif that ends too soon": webp(3),
}


@pytest.mark.parametrize("kind", [*UPRIGHT, *TURNED])
def test_malformed_metadata_cost_no_pixels_and_all_commands_agree(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.bin").write_bytes((UPRIGHT | TURNED)[kind])
    pixels = np.rot90(SOFT, -1) if kind in TURNED else SOFT
    height, width = pixels.shape[:2]
    assert np.abs(reading.read_image(Path("a.bin")).pixels.astype(int) - pixels).max() <= 12
    with warnings.catch_warnings(action="ignore"):  # Pillow's, on what is odd
        square, shorter = reading.read_square(Path("a.bin"), 64)
        probed = probe(Path("a.bin"))
    middle = pixels[(height - 64) // 2 :, (width - 64) // 2 :][:64, :64]
    assert np.abs(square.astype(int) - middle).max() <= 12
    assert shorter == 64
    assert probed == Probe(width, height, "RGB")
    assert not has_alpha(Path("a.bin"))
    monkeypatch.setattr(loading, "load", lambda *_: negative())
    Path("m.safetensors").touch()
    assert ganctl("translate", "m.safetensors", "a.bin").code == 0
    with Image.open("a-zebra.png") as translated:
        assert np.abs(np.asarray(translated, int) + pixels - 255).max() <= 12


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "PPM"])
@pytest.mark.parametrize("cut", [4, 40])
def test_only_the_missing_bytes_of_a_picture_are_lost(image_format: str, cut: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    content = encode(image_format, Image.fromarray(noise), **({"lossless": True} if image_format == "WEBP" else {}))
    Path("whole").write_bytes(content)
    Path("cut").write_bytes(content[: -cut - 14 * (image_format == "PNG")])
    complete, truncated = (reading.read_image(Path(name)).pixels for name in ("whole", "cut"))
    rows = slice(20, None) if image_format == "BMP" else slice(76)  # which begins at the bottom
    assert np.array_equal(complete[rows], truncated[rows])


def test_the_first_frame_of_a_truncated_animation_is_read() -> None:
    frames = [Image.fromarray(255 - SOFT), Image.fromarray(SOFT[::-1])]
    content = encode("WEBP", lossless=True, save_all=True, append_images=frames)
    Path("a.webp").write_bytes(content[: -len(content) // 4])
    assert np.array_equal(reading.read_image(Path("a.webp")).pixels, SOFT)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_half_a_picture_is_refused(image_format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    content = encode(
        image_format, noise, **({"progressive": True, "restart_marker_rows": 1} if image_format == "JPEG" else {})
    )
    Path("a.bin").write_bytes(content[: len(content) // 2])
    reads: list[Callable[[], object]] = [
        lambda: reading.read_image(Path("a.bin")),
        lambda: reading.read_square(Path("a.bin"), 8),
        lambda: probe(Path("a.bin")),
    ]
    for read in reads:
        with pytest.raises(OSError):
            read()


def test_a_flat_jpeg_without_its_end_is_read_and_half_of_one_with_restarts_is_refused() -> None:
    flat = encode("JPEG", Image.new("RGB", (64, 64), (200, 90, 10)))
    Path("a.bin").write_bytes(flat[:-2])
    assert np.ptp(reading.read_image(Path("a.bin")).pixels.reshape(-1, 3), axis=0).max() <= 1
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    content = encode("JPEG", noise, restart_marker_rows=1)
    Path("a.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="truncated"):
        reading.read_image(Path("a.bin"))
