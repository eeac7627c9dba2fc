"""Pictures redrawn from the command line and from Python: any kind in, the same size and transparency out."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms

import ganctl as package
from ganctl import tensorfile
from ganctl.data.batches import to_tensor
from ganctl.errors import UsageError
from ganctl.gans import cyclegan
from ganctl.images.grids import to_uint8
from ganctl.inference import model as inference
from ganctl.inference import translate
from tests.commands import Outcome, failed, ganctl, train
from tests.translators import as_file, gradient, negative, write_model

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (13, 18, 3), np.uint8)
LEVELS = RNG.integers(0, 256, (13, 18), np.uint8)
ALPHA = RNG.integers(1, 256, (13, 18), np.uint8)  # nowhere nothing
GREY = np.repeat(LEVELS[..., None], 3, -1)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    """A model that makes negatives, for pixels that can be foretold."""
    Path("model.safetensors").touch()
    monkeypatch.setattr(inference, "load", lambda *_: negative())
    return "model.safetensors"


def picture(path: str | Path, levels: NDArray[np.uint8] = NOISE) -> Path:
    """Levels as a file of the format that its ending names."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)
    return Path(path)


def translated(path: Path | str) -> NDArray[np.uint8]:
    """A result's pixels; it is RGB or RGBA, upright and tells of no other orientation."""
    with Image.open(path) as file:
        assert file.mode in ("RGB", "RGBA")
        assert file.getexif().get(0x0112) is None
        return np.asarray(file)


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
    Image.fromarray(LEVELS).save(path)
    return GREY


def save_grey_alpha(path: Path) -> NDArray[np.uint8]:
    Image.fromarray(np.dstack([LEVELS, ALPHA])).save(path)
    return np.dstack([GREY, ALPHA])


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
    Image.fromarray(LEVELS > 127).save(path)
    return np.where(GREY > 127, 255, 0).astype(np.uint8)


def save_sixteen_bits(path: Path) -> NDArray[np.uint8]:
    deep = RNG.integers(0, 65536, (13, 18), np.uint16)
    deep[0, 0] = 65535
    Image.fromarray(deep).save(path)
    return np.repeat((deep / 257).round().astype(np.uint8)[..., None], 3, -1)


def save_transparent_sixteen_bits(path: Path) -> NDArray[np.uint8]:
    deep = RNG.integers(0, 65536, (13, 18), np.uint16)
    deep[3:8, 4:9] = 1000
    Image.fromarray(deep).save(path, transparency=1000)
    seen = np.where(deep == 1000, 0, 255).astype(np.uint8)
    return np.dstack([np.repeat((deep / 257).round().astype(np.uint8)[..., None], 3, -1), seen])


def save_cmyk(path: Path) -> NDArray[np.uint8]:
    Image.frombytes("CMYK", (18, 13), np.dstack([255 - NOISE, np.zeros_like(LEVELS)]).tobytes()).save(path)
    return NOISE


def save_animation(path: Path) -> NDArray[np.uint8]:
    first, colours = palette()
    first.save(path, save_all=True, append_images=[first.rotate(180)], duration=100)
    return colours


ZOO: dict[str, tuple[str, Callable[[Path], NDArray[np.uint8]]]] = {
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


@pytest.mark.parametrize("kind", ZOO)
def test_any_kind_of_picture_comes_out_in_its_size_with_its_transparency(model: str, kind: str) -> None:
    name, save = ZOO[kind]
    levels = save(Path(name))
    expected = f"a-zebra{'.png' if name == 'a.gif' else Path(name).suffix}"
    assert ganctl("translate", model, name) == Outcome(0, [expected], ["translated 1 of 1"])
    drawn = translated(expected)
    assert drawn.shape == levels.shape
    seen = levels[..., 3] > 0 if levels.shape[2] == 4 else np.ones(levels.shape[:2], bool)
    assert np.array_equal(drawn[..., :3][seen], 255 - levels[..., :3][seen])
    assert np.array_equal(drawn[..., 3:], levels[..., 3:])


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
    assert np.array_equal(translated("a-zebra.png"), 255 - NOISE)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (5000, 1), (7, 9), (8, 12)])
def test_any_size_comes_out_as_it_is(model: str, height: int, width: int) -> None:
    levels = RNG.integers(0, 256, (height, width, 3), np.uint8)
    picture("a.png", levels)
    assert ganctl("translate", model, "a.png").code == 0
    assert np.array_equal(translated("a-zebra.png"), 255 - levels)


def test_a_picture_of_twelve_megapixels_comes_out_as_it_is(model: str) -> None:
    levels = np.asarray(Image.open(as_file(Path("a.jpg"), gradient(3000, 4000))))
    assert ganctl("translate", model, "a.jpg").code == 0
    drawn = translated("a-zebra.jpg")
    assert drawn.shape == (3000, 4000, 3)
    assert np.abs(drawn[::7, ::7].astype(int) + levels[::7, ::7] - 255).max() <= 3


@pytest.mark.parametrize("arch", ["resnet", "unet"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_file_is_all_it_takes(arch: str, channels: int) -> None:
    model = write_model(Path("some/model.safetensors"), (channels, 16, 16), arch=arch)
    picture("a.png")
    assert ganctl("translate", model, "a.png", "--to", "horse").out == ["a-horse.png"]
    assert ganctl("translate", model, "a.png", "--to", "zebra").out == ["a-zebra.png"]
    horse, zebra = translated("a-horse.png"), translated("a-zebra.png")
    assert horse.shape == zebra.shape == NOISE.shape
    assert not np.array_equal(horse, zebra)
    assert (channels == 1) == bool((zebra == zebra[..., :1]).all())


def test_a_grey_model_sees_the_luma(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = negative(channels=1)
    luma = np.asarray(Image.fromarray(NOISE).convert("L"))
    assert np.array_equal(translate.translate_uint8(grey, NOISE), np.repeat(255 - luma[..., None], 3, -1))


def test_the_default_is_the_second_domain_and_to_names_the_other(model: str) -> None:
    picture("a.png")
    assert ganctl("translate", model, "a.png").out == ["a-zebra.png"]
    assert ganctl("translate", model, "a.png", "--to", "horse").out == ["a-horse.png"]
    assert np.array_equal(translated("a-zebra.png"), 255 - NOISE)
    assert np.array_equal(translated("a-horse.png"), NOISE)


def test_a_wrong_domain_lists_the_right_ones(model: str) -> None:
    picture("a.png")
    said = failed(ganctl("translate", model, "a.png", "--to", "cow"), 2)
    assert said == "Error: model knows no domain 'cow'. It translates to: horse, zebra."


@pytest.mark.parametrize(("height", "width", "resized"), [(30, 60, (12, 24)), (60, 30, (24, 12)), (6, 9, (12, 18))])
def test_size_is_that_of_the_shorter_side_and_keeps_the_aspect(
    model: str, height: int, width: int, resized: tuple[int, int]
) -> None:
    picture("a.png", np.full((height, width, 4), (200, 100, 50, 128), np.uint8))
    assert ganctl("translate", model, "a.png", "--size", 12).code == 0
    drawn = translated("a-zebra.png")
    assert drawn.shape == (*resized, 4)
    assert np.abs(drawn.astype(int) - (55, 155, 205, 128)).max() <= 1


def test_a_size_beyond_what_is_safe_is_refused(model: str) -> None:
    picture("a.png")
    said = failed(ganctl("translate", model, "a.png", "--size", 100_000), 4)
    assert "resized to 138462×100000 it has more than 128 megapixels" in said
    assert ganctl("translate", model, "a.png", "--size", 0).code == 2


def test_where_nothing_is_seen_the_colours_around_go_on_and_are_translated(model: str) -> None:
    levels = np.full((32, 32, 4), (200, 120, 40, 255), np.uint8)
    levels[:, 20:] = (0, 0, 0, 0)  # as editors leave it: an edge to black that nobody sees
    picture("a.png", levels)
    assert ganctl("translate", model, "a.png").code == 0
    drawn = translated("a-zebra.png")
    assert np.abs(drawn[..., :3].astype(int) - (55, 135, 215)).max() <= 2
    assert np.array_equal(drawn[..., 3], levels[..., 3])


def test_a_picture_of_which_nothing_is_seen_comes_out_so(model: str) -> None:
    picture("a.png", np.zeros((5, 6, 4), np.uint8))
    assert ganctl("translate", model, "a.png").code == 0
    assert not translated("a-zebra.png")[..., 3].any()


@pytest.mark.parametrize(("space", "kept"), [("sRGB", True), ("LAB", False)])
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_a_profile_of_rgb_is_kept_and_any_other_dropped(
    model: str, ending: str, space: Literal["sRGB", "LAB"], kept: bool
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    Image.fromarray(NOISE).save(f"a.{ending}", icc_profile=profile)
    assert ganctl("translate", model, f"a.{ending}").code == 0
    with Image.open(f"a-zebra.{ending}") as file:
        assert (file.info.get("icc_profile") == profile) == kept


@pytest.mark.parametrize("ending", ["webp", "tif", "png"])
def test_transparency_survives_in_every_format_that_can_hold_it(model: str, ending: str) -> None:
    Image.fromarray(np.dstack([NOISE, ALPHA])).save(f"a.{ending}")
    assert ganctl("translate", model, f"a.{ending}").out == [f"a-zebra.{ending}"]
    assert np.array_equal(translated(f"a-zebra.{ending}")[..., 3], ALPHA)


def test_what_a_format_cannot_hold_is_known_before_it_is_drawn(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picture("wide.png", np.zeros((2, 16_400, 3), np.uint8))
    monkeypatch.setattr(translate, "translate_uint8", lambda *_: pytest.fail("it was drawn"))
    said = failed(ganctl("translate", model, "wide.png", "-o", "a.webp"), 4)
    assert "a.webp cannot have 16,400×2 pixels: WEBP holds 16,383 a side, and .png any size" in said
    assert ".png, .jpg or .webp" in failed(ganctl("translate", model, "wide.png", "-o", "a.blp"), 2)
    transparent = np.dstack([NOISE, ALPHA])
    for ending in ("bmp", "ppm", "jpg", "pcx"):
        said = failed(ganctl("translate", model, picture("a.png", transparent), "-o", f"a.{ending}"), 2)
        assert "cannot hold the transparency" in said


def test_translating_from_python_gives_the_pixels_of_the_command() -> None:
    model = write_model(Path("model.safetensors"))
    both = RNG.integers(0, 256, (2, 16, 24, 3), np.uint8)
    for name, levels in zip("ab", both, strict=True):
        picture(f"{name}.png", levels)
    assert ganctl("translate", model, "a.png", "b.png").code == 0
    loaded = package.load(model, "cpu")
    images = to_tensor(both, torch.device("cpu"))
    drawn = loaded.translate(images)
    for name, levels in zip("ab", to_uint8(drawn), strict=True):
        assert np.array_equal(translated(f"{name}-zebra.png"), levels)
    assert torch.equal(loaded.translate(images[1:]), drawn[1:]), "a picture does not depend on its neighbours"
    assert not torch.equal(loaded.translate(images, to="horse"), drawn)
    with torch.inference_mode():
        net = loaded.net
        assert isinstance(net, cyclegan.Generators)
        assert torch.equal(net.generator_to(1)(images[:1].contiguous()), drawn[:1]), "what fits goes through as it is"


def test_python_may_hand_over_any_size_and_is_told_of_other_channels() -> None:
    loaded = package.load(write_model(Path("model.safetensors")), "cpu")
    assert loaded.translate(torch.zeros(2, 3, 7, 9)).shape == (2, 3, 7, 9)
    assert loaded.translate(torch.zeros(0, 3, 7, 9)).shape == (0, 3, 7, 9)
    for shape in ((2, 1, 8, 8), (3, 8, 8), (1, 3, 0, 8)):
        with pytest.raises(UsageError, match=r"model takes pictures \[N, 3, H, W\], not \["):
            loaded.translate(torch.zeros(shape))


def test_a_model_that_redraws_and_one_that_draws_name_each_other(photos: Path) -> None:
    model = write_model(Path("horse2zebra.safetensors"))
    for command in (["sample"], ["make-gif", "--walk"]):
        said = failed(ganctl(*command, model), 2)
        assert said.startswith("Error: horse2zebra redraws pictures: it has no noise to draw from or to walk through. ")
        assert said.endswith("ganctl translate horse2zebra.safetensors PICTURE")
    assert train(photos, "--run", "drawn", "--epochs", 1).code == 0
    picture("a.png")
    said = failed(ganctl("translate", "drawn", "a.png"), 2)
    assert said == "Error: drawn draws pictures from noise. ganctl sample drawn"
    assert not list(Path().glob("*-*.png"))


def test_a_model_that_is_not_there_and_no_picture_at_all_are_refused(model: str) -> None:
    assert "nothing is no run, checkpoint" in failed(ganctl("translate", "nothing", "a.png"), 3)
    assert "--help" in failed(ganctl("translate", model), 2)


@pytest.mark.parametrize("domains", [[], ["horse"], ["a", "b", "c"], None])
def test_a_model_file_that_names_no_two_domains_is_refused(domains: list[str] | None) -> None:
    path = write_model(Path("model.safetensors"))
    contents = tensorfile.read(path)
    tensorfile.write(path, tensorfile.TensorFile(contents.tensors, {**contents.header, "domains": domains}))
    assert "is not what its header says" in failed(ganctl("translate", path, "a.png"), 3)


@pytest.mark.parametrize("odd", [{"output": "weird"}, {"arch": None}, {"unheard_of": 1}])
def test_a_model_file_with_options_of_another_time_is_refused(odd: dict[str, object]) -> None:
    path = write_model(Path("model.safetensors"))
    contents = tensorfile.read(path)
    options = {**contents.header["options"], **odd}
    tensorfile.write(path, tensorfile.TensorFile(contents.tensors, {**contents.header, "options": options}))
    assert "cannot be used" in failed(ganctl("translate", path, "a.png"), 3)
