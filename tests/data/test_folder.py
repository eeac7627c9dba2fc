"""Folders of pictures: which files are read, and how each picture looks to the nets."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.data.cache.dataset import open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.images import conversion, reading
from tests.data.folders import BLUE, GREEN, RED, WHITE, grey_values, greys, opened, save


def plain(mode: str, colour: float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (8, 8), colour)


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "ppm", "tga", "PNG", "Jpg"])
def test_pictures_of_any_common_format_are_read(folder: Path, ending: str) -> None:
    save(folder / f"a.{ending}", (200, 100, 40))
    assert np.abs(opened(folder, channels=3).train[0].astype(int) - (200, 100, 40)).max() <= 4


def test_pictures_of_any_mode_are_read_as_a_person_sees_them(folder: Path) -> None:
    see_through = plain("P", 7)
    see_through.putpalette([9] * 768)
    see_through.info["transparency"] = 7
    sixteen_bit = [Image.fromarray(np.full((8, 8), value, np.uint16)) for value in (100 * 257, 200)]
    real = [Image.fromarray(np.full((8, 8), value, np.float32)) for value in (0.4, 102.0, np.nan)]
    cases: list[tuple[Image.Image, str, tuple[int, ...]]] = [
        (plain("L", 200), "png", (200, 200, 200)),
        (plain("LA", (9, 0)), "png", WHITE),
        (plain("LA", (9, 255)), "png", (9, 9, 9)),
        (plain("RGBA", (0, 0, 0, 51)), "png", (204, 204, 204)),
        (plain("RGBA", (*BLUE, 255)), "webp", BLUE),
        (plain("RGB", BLUE).quantize(4), "png", BLUE),
        (see_through, "png", WHITE),
        (see_through, "gif", WHITE),
        (plain("1", 1), "png", WHITE),
        (plain("CMYK", (0, 255, 255, 0)), "jpg", RED),
        (plain("YCbCr", (76, 85, 255)), "jpg", (254, 0, 0)),
        (sixteen_bit[0], "png", (100, 100, 100)),
        (sixteen_bit[1], "tif", (1, 1, 1)),
        (plain("I", 100 * 257), "tif", (100, 100, 100)),
        (plain("I", 100), "tif", (100, 100, 100)),
        (real[0], "tif", (102, 102, 102)),
        (real[1], "tif", (102, 102, 102)),
        (real[2], "tif", (0, 0, 0)),
    ]
    for i, (picture, ending, _) in enumerate(cases):
        picture.save(folder / f"{i:02d}.{ending}")
    dataset = opened(folder, channels=3)
    assert dataset.broken == []
    pixels = dataset.train[:, 4, 4].astype(int)
    assert np.abs(pixels - [colour for *_, colour in cases]).max(axis=1).tolist() == pytest.approx(
        [0] * len(cases), abs=2
    )


def test_a_rotated_photograph_is_set_upright(folder: Path) -> None:
    rotated = Image.new("RGB", (16, 8), RED)
    rotated.paste(BLUE, (8, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: what is left goes to the top
    rotated.save(folder / "a.jpg", exif=exif, quality=95)
    upright = opened(folder).train[0].astype(int)
    assert np.abs(upright[0] - RED).max() < 30
    assert np.abs(upright[-1] - BLUE).max() < 30


def test_of_an_animation_the_first_frame_is_taken(folder: Path) -> None:
    plain("RGB", RED).save(folder / "a.gif", save_all=True, append_images=[plain("RGB", BLUE)])
    assert opened(folder).train[0, 0, 0].tolist() == list(RED)


def test_a_wide_picture_is_cropped_to_its_middle(folder: Path) -> None:
    wide = Image.new("RGB", (24, 8), RED)
    wide.paste(GREEN, (8, 0, 16, 8))
    wide.save(folder / "a.png")
    assert (opened(folder).train[0] == GREEN).all()


def test_broken_pictures_are_named_with_the_reason_and_the_rest_is_used(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "postscript.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    Image.effect_noise((30, 30), 90).save(folder / "whole.jpg")
    (folder / "sub" / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-200])
    save(folder / "bomb.png", size=(50, 50))
    save(folder / "large.png", size=(40, 40))
    dataset = open_dataset(resolve_source(str(folder), max_megapixels=0.002), 8, None)
    assert len(dataset.train) == 2
    reasons = dict(line.split(": ", 1) for line in dataset.broken)
    assert set(reasons) == {"empty.png", "text.jpg", "postscript.png", "sub/cut.jpg", "bomb.png"}
    assert reasons["empty.png"] == reasons["text.jpg"] == reasons["postscript.png"] == "it is no picture"
    assert "truncated" in reasons["sub/cut.jpg"]
    assert reasons["bomb.png"] == "it has more than 0.002 megapixels, which --max-megapixels would allow"


@pytest.mark.parametrize("trouble", [IndexError("list index out of range"), MemoryError(), SyntaxError("no header")])
def test_no_error_of_a_reader_stops_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    greys(folder, 2)
    convert = conversion.to_rgb

    def fails_once(picture: Image.Image) -> Image.Image:
        if picture.getpixel((0, 0)) == (0, 0, 0):
            raise trouble
        return convert(picture)

    monkeypatch.setattr(reading, "to_rgb", fails_once)
    dataset = opened(folder)
    assert grey_values(dataset.train) == [1]
    assert dataset.broken == [f"000.png: {str(trouble) or 'MemoryError'}"]


def test_pictures_smaller_than_the_size_are_enlarged_and_counted(folder: Path) -> None:
    for name, size in {"exact": (8, 8), "large": (9, 30), "low": (40, 7), "dot": (1, 1)}.items():
        save(folder / f"{name}.png", size=size)
    dataset = opened(folder)
    assert dataset.train.shape == (4, 8, 8, 3)
    assert dataset.enlarged == 2


def test_a_very_narrow_picture_is_read(folder: Path) -> None:
    save(folder / "a.png", size=(2, 3000))
    assert (opened(folder).train[0] == RED).all()


def test_a_set_is_grey_if_all_its_pictures_are(folder: Path) -> None:
    greys(folder, 25)
    dataset = opened(folder)
    assert dataset.shape == (1, 8, 8)
    assert (dataset.train.shape[1:], dataset.test.shape[1:]) == ((8, 8, 1), (8, 8, 1))
    assert sorted(grey_values(dataset.train) + grey_values(dataset.test)) == list(range(25))


def test_a_set_is_colour_if_one_of_its_pictures_is(folder: Path) -> None:
    greys(folder, 40)
    save(folder / "zzz.png", RED)
    assert opened(folder).shape == (3, 8, 8)


def test_channels_can_be_chosen(folder: Path) -> None:
    save(folder / "a.png", (255, 0, 0))
    assert opened(folder, channels=1).train.tolist() == np.full((1, 8, 8, 1), 76).tolist()
    save(folder / "a.png", (50, 50, 50))
    assert opened(folder, channels=3).train.tolist() == np.full((1, 8, 8, 3), 50).tolist()


def test_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    save(odd / os.fsdecode(b"gr\xfc\xdf.png"))
    (odd / os.fsdecode(b"b\xf6se.png")).touch()
    for _ in range(2):  # decoded, and from the cache
        dataset = opened(odd)
        assert len(dataset.train) == 1
        assert dataset.broken == [r"b\xf6se.png: it is no picture"]
        assert dataset.spec == str(odd)


def test_a_name_as_long_as_names_can_be_is_no_trouble(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 250)
    long.mkdir()
    assert len(opened(greys(long, 1)).train) == 1
