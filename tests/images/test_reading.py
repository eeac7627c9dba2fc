"""One reader for all: what is wrong beside pixels costs none of them, and colours are what they look like."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganctl.images import formats, reading, scanning
from ganctl.images.probing import Probe, probe
from ganctl.images.reading import has_alpha
from ganctl.inference import model
from tests.commands import ganctl
from tests.translators import negative

SOFT = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)).resize((96, 64)), np.uint8
)


def encoded(form: str, picture: Image.Image | None = None, **how: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    (picture or Image.fromarray(SOFT)).save(buffer, form, **how)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    return (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)
    )


def png(*chunks: bytes, last: bool = False) -> bytes:
    """A PNG with chunks before or after its pixels."""
    whole = encoded("PNG")
    at = len(whole) - 12 if last else 33
    return whole[:at] + b"".join(chunks) + whole[at:]


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with segments before its pixels."""
    whole = encoded("JPEG", quality=95)
    inside = (b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return whole[:2] + b"".join(inside) + whole[2:]


def exif(*entries: tuple[int, int, int, bytes], count: int | None = None) -> bytes:
    """EXIF data that say that a picture lies on its side, and whatever else: tag, type, count and value."""
    every = [(0x0112, 3, 1, struct.pack("<HH", 6, 0)), *entries]
    directory = b"".join(struct.pack("<HHI", tag, kind, many) + value for tag, kind, many, value in every)
    return b"II*\0" + struct.pack("<IH", 8, count or len(every)) + directory + bytes(4)


def tiff(*entries: tuple[int, int, int, bytes], compression: str | None = None) -> bytes:
    """A TIFF with further tags."""
    whole = encoded("TIFF", compression=compression)
    start = struct.unpack_from("<I", whole, 4)[0]
    count = struct.unpack_from("<H", whole, start)[0]
    own = [whole[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    every = sorted([*own, *(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)], key=lambda e: e[1::-1])
    return (
        whole[:4]
        + struct.pack("<I", len(whole))
        + whole[8:]
        + struct.pack("<H", len(every))
        + b"".join(every)
        + bytes(4)
    )


def webp(*cut: int) -> bytes:
    """A WebP with EXIF data, less so many bytes."""
    turned = Image.Exif()
    turned[0x0112] = 6
    return encoded("WEBP", lossless=True, exif=turned.tobytes())[: -sum(cut) or None]


LARGE = zlib.compress(bytes(2**21))  # two megabytes of a profile or a text
BEYOND = struct.pack("<I", 2**30)
WHOLE = {
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
    "jpeg, progressive and no end": encoded("JPEG", quality=95, progressive=True)[:-2],
    "tiff, profile beyond its end": tiff((34675, 7, 9999, BEYOND)),
    "tiff, exif beyond its end": tiff((34665, 4, 1, BEYOND)),
    "tiff, resolution beyond its end": tiff((282, 5, 1, BEYOND), compression="tiff_lzw"),
    "tiff, xmp as text": tiff((700, 2, 4, b"\xff\xfe\xfd\0")),
    "tiff, text for an orientation": tiff((274, 2, 4, b"abc\0")),
    "webp, profile that is none": encoded("WEBP", lossless=True, icc_profile=b"garbage"),
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


@pytest.mark.parametrize("kind", [*WHOLE, *TURNED])
def test_pixels_are_not_lost_for_what_is_beside_them_and_all_commands_agree(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.bin").write_bytes((WHOLE | TURNED)[kind])
    levels = np.rot90(SOFT, -1) if kind in TURNED else SOFT
    height, width = levels.shape[:2]
    assert np.abs(reading.read(Path("a.bin")).levels.astype(int) - levels).max() <= 12
    with warnings.catch_warnings(action="ignore"):  # Pillow's, on what is odd
        square, shorter = reading.read_square(Path("a.bin"), 64)
        probed = probe(Path("a.bin"))
    middle = levels[(height - 64) // 2 :, (width - 64) // 2 :][:64, :64]
    assert np.abs(square.astype(int) - middle).max() <= 12
    assert shorter == 64
    assert probed == Probe(width, height, "RGB")
    assert not has_alpha(Path("a.bin"))
    monkeypatch.setattr(model, "load", lambda *_: negative())
    Path("m.safetensors").touch()
    assert ganctl("translate", "m.safetensors", "a.bin").code == 0
    with Image.open("a-zebra.png") as drawn:
        assert np.abs(np.asarray(drawn, int) + levels - 255).max() <= 12


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "PPM"])
@pytest.mark.parametrize("cut", [4, 40])
def test_of_a_picture_without_its_last_bytes_all_the_others_are_read(form: str, cut: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    content = encoded(form, Image.fromarray(noise), **({"lossless": True} if form == "WEBP" else {}))
    Path("whole").write_bytes(content)
    Path("cut").write_bytes(content[: -cut - 14 * (form == "PNG")])
    whole, rest = (reading.read(Path(name)).levels for name in ("whole", "cut"))
    rows = slice(20, None) if form == "BMP" else slice(76)  # which begins at the bottom
    assert np.array_equal(whole[rows], rest[rows])


def test_of_an_animation_that_was_cut_the_first_frame_is_read() -> None:
    frames = [Image.fromarray(255 - SOFT), Image.fromarray(SOFT[::-1])]
    content = encoded("WEBP", lossless=True, save_all=True, append_images=frames)
    Path("a.webp").write_bytes(content[: -len(content) // 4])
    assert np.array_equal(reading.read(Path("a.webp")).levels, SOFT)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_half_a_picture_is_none(form: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    content = encoded(form, noise, **({"progressive": True, "restart_marker_rows": 1} if form == "JPEG" else {}))
    Path("a.bin").write_bytes(content[: len(content) // 2])
    reads: list[Callable[[], object]] = [
        lambda: reading.read(Path("a.bin")),
        lambda: reading.read_square(Path("a.bin"), 8),
        lambda: probe(Path("a.bin")),
    ]
    for read in reads:
        with pytest.raises(OSError):
            read()


def test_an_even_jpeg_without_its_end_is_whole_and_half_of_one_with_restarts_is_not() -> None:
    even = encoded("JPEG", Image.new("RGB", (64, 64), (200, 90, 10)))
    Path("a.bin").write_bytes(even[:-2])
    assert np.ptp(reading.read(Path("a.bin")).levels.reshape(-1, 3), axis=0).max() <= 1
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    content = encoded("JPEG", noise, restart_marker_rows=1)
    Path("a.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="truncated"):
        reading.read(Path("a.bin"))


def test_pictures_of_several_views_are_read_as_their_first(tmp_path: Path) -> None:
    other = Image.fromarray(255 - SOFT)
    Image.fromarray(SOFT).save(tmp_path / "a.mpo", "MPO", quality=95, save_all=True, append_images=[other])
    assert scanning.scan(tmp_path).files == (tmp_path / "a.mpo",)
    assert np.abs(reading.read(tmp_path / "a.mpo").levels.astype(int) - SOFT).max() <= 12


# How much is decoded


def test_what_counts_is_how_much_of_a_picture_is_decoded() -> None:
    Path("a.jpg").write_bytes(encoded("JPEG"))
    Path("b.jpg").write_bytes(encoded("JPEG", progressive=True))
    Path("c.png").write_bytes(encoded("PNG"))
    few = 96 * 64 / 2e6  # half of its pixels
    assert reading.read(Path("a.jpg"), 8, few).levels.shape == (8, 12, 3)
    assert reading.read_square(Path("a.jpg"), 8, few)[1] == 64
    assert probe(Path("a.jpg"), few) == Probe(96, 64, "RGB")
    for name, shorter in (("a.jpg", None), ("b.jpg", 8), ("c.png", 8)):  # a progressive one is held wholly
        with pytest.raises(
            OSError, match=r"^it has more than 0.003072 megapixels, which --max-megapixels would allow$"
        ):
            reading.read(Path(name), shorter, few)
        assert reading.read(Path(name), shorter, 2 * few).levels.size


def test_a_picture_beyond_pillow_s_own_limit_is_read_at_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 96×64 pixels are more than twice as many
    Path("a.jpg").write_bytes(encoded("JPEG"))
    assert reading.read(Path("a.jpg")).levels.shape == SOFT.shape
    assert Image.MAX_IMAGE_PIXELS == 1000


# Colours


def profile(space: bytes, *tags: tuple[bytes, bytes], kind: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile of version 2."""
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s28s", at + len(data), bytes(4), 2 << 24, kind, space, pcs, bytes(12), b"acsp", bytes(28)
    )
    return head + xyz(0.9642, 1, 0.8249)[8:] + bytes(48) + table + data


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


WHITE = (b"wtpt", xyz(0.9642, 1, 0.8249))
WIDE = profile(  # Adobe RGB (1998)
    b"RGB ",
    WHITE,
    (b"rXYZ", xyz(0.60974, 0.31111, 0.01947)),
    (b"gXYZ", xyz(0.20528, 0.62567, 0.06087)),
    (b"bXYZ", xyz(0.14919, 0.06322, 0.74457)),
    *((name, gamma(2.2)) for name in (b"rTRC", b"gTRC", b"bTRC")),
)
LINEAR = profile(b"GRAY", WHITE, (b"kTRC", gamma(1.0)))


def inks() -> bytes:
    """A CMYK profile: paper is bright, any ink but yellow is black, and yellow is a strong blue."""
    colours = [(0, 128, 128) if cmyk >> 1 else (80, 178, 28) if cmyk & 1 else (240, 128, 128) for cmyk in range(16)]
    order = [
        colours[(c << 3) | (m << 2) | (k << 1) | y] for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)
    ]
    ramp = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = head + 4 * ramp + bytes(level for colour in order for level in colour) + 3 * ramp
    return profile(b"CMYK", WHITE, (b"A2B0", table), kind=b"prtr", pcs=b"Lab ")


def in_srgb(picture: Image.Image, icc: bytes) -> NDArray[np.uint8]:
    """What Pillow makes of a picture's profile."""
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, own, srgb, outputMode="RGB")
    assert converted is not None
    return np.asarray(converted)


@pytest.mark.parametrize(
    ("mode", "icc"),
    [("RGB", WIDE), ("L", LINEAR), ("L", WIDE), ("CMYK", inks())],
    ids=["rgb", "grey", "grey in rgb", "cmyk"],
)
@pytest.mark.parametrize("form", ["TIFF", "JPEG"])
def test_colours_are_learnt_as_they_look(mode: str, icc: bytes, form: str) -> None:
    picture = Image.fromarray(SOFT).convert(mode)
    Path("a.bin").write_bytes(encoded(form, picture, icc_profile=icc, **({"quality": 100} if form == "JPEG" else {})))
    if form == "JPEG":
        with Image.open("a.bin") as file:
            picture = file.copy()
    meant = in_srgb(picture.convert("RGB") if icc is WIDE else picture, icc)
    assert np.abs(meant.astype(int) - np.asarray(picture.convert("RGB"))).max() > 5, "it is another colour"
    assert np.array_equal(reading.read_square(Path("a.bin"), 64)[0], meant[:, 16:80])
    assert np.array_equal(reading.read(Path("a.bin")).levels, meant)


def test_a_net_sees_srgb_and_its_picture_comes_back_in_the_profile_of_the_original(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model, "load", lambda *_: negative())
    Path("m.safetensors").touch()
    Image.fromarray(SOFT).save("a.png", icc_profile=WIDE)
    assert ganctl("translate", "m.safetensors", "a.png").code == 0
    with Image.open("a-zebra.png") as file:
        assert file.info["icc_profile"] == WIDE
        looks = in_srgb(file.convert("RGB"), WIDE)
    errors = np.abs(looks.astype(int) - (255 - in_srgb(Image.fromarray(SOFT), WIDE)))
    assert errors.mean() < 0.5 and errors.max() <= 12, "but for the coarser steps of its shadows"


def test_opacity_outlives_a_change_of_colours() -> None:
    alpha = np.arange(96 * 64, dtype=np.uint8).reshape(64, 96) | 1
    Image.fromarray(np.dstack([SOFT, alpha])).save("a.png", icc_profile=WIDE)
    picture = reading.read(Path("a.png"))
    assert picture.alpha is not None and np.array_equal(picture.alpha, alpha)
    assert np.array_equal(picture.levels, in_srgb(Image.fromarray(SOFT), WIDE))


@pytest.mark.parametrize("icc", [WIDE[:200], b"x" * 16 + b"RGB " + bytes(300), inks(), LINEAR])
def test_a_profile_that_is_broken_or_of_other_colours_changes_nothing(icc: bytes) -> None:
    Image.fromarray(SOFT).save("a.png", icc_profile=icc)
    picture = reading.read(Path("a.png"))
    assert np.array_equal(picture.levels, SOFT)
    assert picture.profile is None


def test_a_profile_of_srgb_leaves_every_level_as_it_is() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(SOFT).save("a.png", icc_profile=icc)
    assert np.array_equal(reading.read(Path("a.png")).levels, SOFT)
    assert reading.read(Path("a.png")).profile == icc


def test_a_large_profile_counts_as_any_other() -> None:
    large = WIDE + bytes(2**21)
    Path("a.png").write_bytes(png(chunk(b"iCCP", b"a\0\0" + zlib.compress(large))))
    assert np.array_equal(reading.read(Path("a.png")).levels, in_srgb(Image.fromarray(SOFT), WIDE))


# HEIC


@pytest.mark.skipif("HEIF" not in formats.READERS, reason="the extra heic is not installed")
def test_heic_is_read_where_its_extra_is_installed() -> None:
    Image.fromarray(SOFT).save("a.heic", quality=95)
    assert scanning.scan(Path()).files == (Path("a.heic"),)
    assert np.abs(reading.read(Path("a.heic")).levels.astype(int) - SOFT).mean() < 4
