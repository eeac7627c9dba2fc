"""Images with ICC profiles are read in sRGB, and translations are written in the profile of their image."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganctl.images import reading
from ganctl.inference import loading
from tests.commands import ganctl
from tests.images.image_files import SOFT, chunk, encode, png
from tests.translators import negative


def profile(space: bytes, *tags: tuple[bytes, bytes], device_class: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile of version 2."""
    offset, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s28s",
        offset + len(data),
        bytes(4),
        2 << 24,
        device_class,
        space,
        pcs,
        bytes(12),
        b"acsp",
        bytes(28),
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
    table = head + 4 * ramp + bytes(value for colour in order for value in colour) + 3 * ramp
    return profile(b"CMYK", WHITE, (b"A2B0", table), device_class=b"prtr", pcs=b"Lab ")


def in_srgb(picture: Image.Image, icc: bytes) -> NDArray[np.uint8]:
    """An image converted to sRGB by Pillow."""
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    assert converted is not None
    return np.asarray(converted)


@pytest.mark.parametrize(
    ("mode", "icc"),
    [("RGB", WIDE), ("L", LINEAR), ("L", WIDE), ("CMYK", inks())],
    ids=["rgb", "grey", "grey in rgb", "cmyk"],
)
@pytest.mark.parametrize("image_format", ["TIFF", "JPEG"])
def test_training_and_translating_see_the_colours_as_displayed(mode: str, icc: bytes, image_format: str) -> None:
    picture = Image.fromarray(SOFT).convert(mode)
    Path("a.bin").write_bytes(
        encode(image_format, picture, icc_profile=icc, **({"quality": 100} if image_format == "JPEG" else {}))
    )
    if image_format == "JPEG":
        with Image.open("a.bin") as file:
            picture = file.copy()
    expected = in_srgb(picture.convert("RGB") if icc is WIDE else picture, icc)
    assert np.abs(expected.astype(int) - np.asarray(picture.convert("RGB"))).max() > 5, "it is another colour"
    assert np.array_equal(reading.read_square(Path("a.bin"), 64)[0], expected[:, 16:80])
    assert np.array_equal(reading.read_image(Path("a.bin")).pixels, expected)


def test_a_translation_has_the_profile_of_its_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "load", lambda *_: negative())
    Path("m.safetensors").touch()
    Image.fromarray(SOFT).save("a.png", icc_profile=WIDE)
    assert ganctl("translate", "m.safetensors", "a.png").code == 0
    with Image.open("a-zebra.png") as file:
        assert file.info["icc_profile"] == WIDE
        displayed = in_srgb(file.convert("RGB"), WIDE)
    errors = np.abs(displayed.astype(int) - (255 - in_srgb(Image.fromarray(SOFT), WIDE)))
    assert errors.mean() < 0.5 and errors.max() <= 12, "but for the coarser steps of its shadows"


def test_alpha_is_unchanged_by_a_colour_conversion() -> None:
    alpha = np.arange(96 * 64, dtype=np.uint8).reshape(64, 96) | 1
    Image.fromarray(np.dstack([SOFT, alpha])).save("a.png", icc_profile=WIDE)
    picture = reading.read_image(Path("a.png"))
    assert picture.alpha is not None and np.array_equal(picture.alpha, alpha)
    assert np.array_equal(picture.pixels, in_srgb(Image.fromarray(SOFT), WIDE))


@pytest.mark.parametrize("icc", [WIDE[:200], b"x" * 16 + b"RGB " + bytes(300), inks(), LINEAR])
def test_a_profile_that_is_broken_or_of_other_colours_changes_nothing(icc: bytes) -> None:
    Image.fromarray(SOFT).save("a.png", icc_profile=icc)
    picture = reading.read_image(Path("a.png"))
    assert np.array_equal(picture.pixels, SOFT)
    assert picture.profile is None


def test_a_profile_of_srgb_leaves_every_pixel_as_it_is() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(SOFT).save("a.png", icc_profile=icc)
    assert np.array_equal(reading.read_image(Path("a.png")).pixels, SOFT)
    assert reading.read_image(Path("a.png")).profile == icc


def test_a_large_profile_is_applied_as_any_other() -> None:
    large = WIDE + bytes(2**21)
    Path("a.png").write_bytes(png(chunk(b"iCCP", b"a\0\0" + zlib.compress(large))))
    assert np.array_equal(reading.read_image(Path("a.png")).pixels, in_srgb(Image.fromarray(SOFT), WIDE))
