"""Translated files: any kind of image in; the same size, transparency, orientation and colours out."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ganctl.inference import translate
from tests.commands import Outcome, failed, ganctl
from tests.inference.image_files import NOISE, RNG, read_pixels, save_pixels
from tests.translators import as_file, gradient

GREY_PIXELS = RNG.integers(0, 256, (13, 18), np.uint8)
ALPHA = RNG.integers(1, 256, (13, 18), np.uint8)  # nowhere fully transparent
GREY_RGB = np.repeat(GREY_PIXELS[..., None], 3, -1)


def palette() -> tuple[Image.Image, NDArray[np.uint8]]:
    """A picture of 216 colours with its palette, and its colours."""
    indices, colours = RNG.integers(0, 216, (13, 18), np.uint8), RNG.integers(0, 256, (216, 3), np.uint8)
    image = Image.frombytes("P", (18, 13), indices.tobytes())
    image.putpalette(colours.tobytes())
    return image, colours[indices]


def save_rgb(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(NOISE).save(path)
    return NOISE


def save_grey(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(GREY_PIXELS).save(path)
    return GREY_RGB


def save_grey_alpha(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(np.dstack([GREY_PIXELS, ALPHA])).save(path)
    return np.dstack([GREY_RGB, ALPHA])


def save_rgba(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(np.dstack([NOISE, ALPHA])).save(path)
    return np.dstack([NOISE, ALPHA])


def save_palette(path: Path) -> NDArray[np.uint8]:
    image, colours = palette()
    image.save(path)
    return colours


def save_transparent_palette(path: Path) -> NDArray[np.uint8]:
    image, colours = palette()
    alphas = RNG.integers(1, 256, 216, np.uint8)
    image.save(path, transparency=alphas.tobytes())
    return np.dstack([colours, alphas[np.asarray(image)]])


def save_bits(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(GREY_PIXELS > 127).save(path)
    return np.where(GREY_RGB > 127, 255, 0).astype(np.uint8)


def save_sixteen_bits(path: Path) -> NDArray[np.uint8]:
    deep = RNG.integers(0, 65536, (13, 18), np.uint16)
    deep[0, 0] = 65535
    Image.fromarray(deep).save(path)
    return np.repeat((deep / 257).round().astype(np.uint8)[..., None], 3, -1)


def save_transparent_sixteen_bits(path: Path) -> NDArray[np.uint8]:
    deep = RNG.integers(0, 65536, (13, 18), np.uint16)
    deep[3:8, 4:9] = 1000
    Image.fromarray(deep).save(path, transparency=1000)
    visible = np.where(deep == 1000, 0, 255).astype(np.uint8)
    return np.dstack([np.repeat((deep / 257).round().astype(np.uint8)[..., None], 3, -1), visible])


def save_cmyk(path: Path) -> NDArray[np.uint8]:
    Image.frombytes("CMYK", (18, 13), np.dstack([255 - NOISE, np.zeros_like(GREY_PIXELS)]).tobytes()).save(path)
    return NOISE


def save_animation(path: Path) -> NDArray[np.uint8]:
    first, colours = palette()
    first.save(path, save_all=True, append_images=[first.rotate(180)], duration=100)
    return colours


KINDS: dict[str, tuple[str, Callable[[Path], NDArray[np.uint8]]]] = {
    "RGB": ("a.png", save_rgb),
    "L": ("a.png", save_grey),
    "LA": ("a.png", save_grey_alpha),
    "RGBA": ("a.png", save_rgba),
    "RGBA in TIFF": ("a.tif", save_rgba),
    "P": ("a.png", save_palette),
    "P with transparency": ("a.png", save_transparent_palette),
    "1": ("a.png", save_bits),
    "I;16": ("a.png", save_sixteen_bits),
    "I;16 with transparency": ("a.png", save_transparent_sixteen_bits),
    "CMYK": ("a.tiff", save_cmyk),
    "animated GIF": ("a.gif", save_animation),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_picture_comes_out_in_its_size_with_its_transparency(model: str, kind: str) -> None:
    name, save = KINDS[kind]
    pixels = save(Path(name))
    expected = f"a-zebra{'.png' if name == 'a.gif' else Path(name).suffix}"
    assert ganctl("translate", model, name) == Outcome(0, [expected], ["translated 1 of 1"])
    translated = read_pixels(expected)
    assert translated.shape == pixels.shape
    visible = pixels[..., 3] > 0 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], bool)
    assert np.array_equal(translated[..., :3][visible], 255 - pixels[..., :3][visible])
    assert np.array_equal(translated[..., 3:], pixels[..., 3:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_by_its_exif_and_says_so_no_longer(model: str, orientation: int) -> None:
    stored = {
        1: NOISE,
        2: NOISE[:, ::-1],
        3: NOISE[::-1, ::-1],
        4: NOISE[::-1],
        5: NOISE.swapaxes(0, 1),
        6: np.rot90(NOISE),
        7: NOISE[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(NOISE, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save("a.png", exif=exif)
    assert ganctl("translate", model, "a.png").code == 0
    assert np.array_equal(read_pixels("a-zebra.png"), 255 - NOISE)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (5000, 1), (7, 9), (8, 12)])
def test_any_size_comes_out_as_it_is(model: str, height: int, width: int) -> None:
    pixels = RNG.integers(0, 256, (height, width, 3), np.uint8)
    save_pixels("a.png", pixels)
    assert ganctl("translate", model, "a.png").code == 0
    assert np.array_equal(read_pixels("a-zebra.png"), 255 - pixels)


def test_a_picture_of_twelve_megapixels_comes_out_as_it_is(model: str) -> None:
    pixels = np.asarray(Image.open(as_file(Path("a.jpg"), gradient(3000, 4000))))
    assert ganctl("translate", model, "a.jpg").code == 0
    translated = read_pixels("a-zebra.jpg")
    assert translated.shape == (3000, 4000, 3)
    assert np.abs(translated[::7, ::7].astype(int) + pixels[::7, ::7] - 255).max() <= 3


@pytest.mark.parametrize(("height", "width", "resized"), [(30, 60, (12, 24)), (60, 30, (24, 12)), (6, 9, (12, 18))])
def test_size_is_that_of_the_shorter_side_and_keeps_the_aspect(
    model: str, height: int, width: int, resized: tuple[int, int]
) -> None:
    save_pixels("a.png", np.full((height, width, 4), (200, 100, 50, 128), np.uint8))
    assert ganctl("translate", model, "a.png", "--size", 12).code == 0
    translated = read_pixels("a-zebra.png")
    assert translated.shape == (*resized, 4)
    assert np.abs(translated.astype(int) - (55, 155, 205, 128)).max() <= 1


def test_a_size_beyond_what_is_safe_is_refused(model: str) -> None:
    save_pixels("a.png")
    message = failed(ganctl("translate", model, "a.png", "--size", 100_000), 4)
    assert "resized to 138462×100000 it has more than 128 megapixels" in message
    assert ganctl("translate", model, "a.png", "--size", 0).code == 2


def test_transparent_pixels_take_the_colours_around_them_and_are_translated(model: str) -> None:
    pixels = np.full((32, 32, 4), (200, 120, 40, 255), np.uint8)
    pixels[:, 20:] = (0, 0, 0, 0)  # as editors leave it: an edge to black that nobody sees
    save_pixels("a.png", pixels)
    assert ganctl("translate", model, "a.png").code == 0
    translated = read_pixels("a-zebra.png")
    assert np.abs(translated[..., :3].astype(int) - (55, 135, 215)).max() <= 2
    assert np.array_equal(translated[..., 3], pixels[..., 3])


def test_a_fully_transparent_picture_stays_transparent(model: str) -> None:
    save_pixels("a.png", np.zeros((5, 6, 4), np.uint8))
    assert ganctl("translate", model, "a.png").code == 0
    assert not read_pixels("a-zebra.png")[..., 3].any()


@pytest.mark.parametrize(("space", "is_kept"), [("sRGB", True), ("LAB", False)])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_profile_of_rgb_is_kept_and_any_other_dropped(
    model: str, suffix: str, space: Literal["sRGB", "LAB"], is_kept: bool
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    Image.fromarray(NOISE).save(f"a.{suffix}", icc_profile=profile)
    assert ganctl("translate", model, f"a.{suffix}").code == 0
    with Image.open(f"a-zebra.{suffix}") as file:
        assert (file.info.get("icc_profile") == profile) == is_kept


@pytest.mark.parametrize("suffix", ["webp", "tif", "png"])
def test_transparency_survives_in_every_format_that_can_hold_it(model: str, suffix: str) -> None:
    Image.fromarray(np.dstack([NOISE, ALPHA])).save(f"a.{suffix}")
    assert ganctl("translate", model, f"a.{suffix}").out == [f"a-zebra.{suffix}"]
    assert np.array_equal(read_pixels(f"a-zebra.{suffix}")[..., 3], ALPHA)


def test_what_a_format_cannot_hold_is_refused_before_translating(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_pixels("wide.png", np.zeros((2, 16_400, 3), np.uint8))
    monkeypatch.setattr(translate, "translate_uint8", lambda *_: pytest.fail("it was translated"))
    message = failed(ganctl("translate", model, "wide.png", "-o", "a.webp"), 4)
    assert "a.webp cannot have 16,400×2 pixels: WEBP holds 16,383 a side, and .png any size" in message
    assert ".png, .jpg or .webp" in failed(ganctl("translate", model, "wide.png", "-o", "a.blp"), 2)
    transparent = np.dstack([NOISE, ALPHA])
    for suffix in ("bmp", "ppm", "jpg", "pcx"):
        message = failed(ganctl("translate", model, save_pixels("a.png", transparent), "-o", f"a.{suffix}"), 2)
        assert "cannot hold the transparency" in message
