"""Pictures on their way out: levels, grids and single files."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ganctl.data.batches import to_tensor
from ganctl.errors import UsageError
from ganctl.images import formats, grids, reading
from ganctl.images.grids import to_uint8
from ganctl.images.writing import require_format


def flat(*values: float, size: int = 4, channels: int = 1) -> Tensor:
    """One even picture for each value."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, channels, size, size)


def test_levels_come_back_as_they_went_in() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    assert np.array_equal(to_uint8(to_tensor(levels, torch.device("cpu"))), levels)


def test_values_beyond_the_range_become_black_and_white() -> None:
    assert to_uint8(flat(-9, -1, 1, 9))[:, 0, 0, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_pictures_of_any_precision_become_levels(dtype: torch.dtype) -> None:
    image = flat(1, -1).to(dtype).requires_grad_()
    assert to_uint8(image)[:, 0, 0, 0].tolist() == [255, 0]


def test_a_grid_is_filled_row_by_row_and_the_rest_is_background() -> None:
    sheet = np.asarray(grids.grid(flat(-1, 0, 1, size=256), 2))
    step, middle = 256 + 2, 2 + 128
    centres = sheet[middle::step, middle::step]
    assert centres.tolist() == [[[0] * 3, [128] * 3], [[255] * 3, [24] * 3]]
    assert sheet.shape == (2 * step + 2, 2 * step + 2, 3)
    assert (sheet[:2] == 24).all() and (sheet[:, step : step + 2] == 24).all()


def test_small_pictures_are_enlarged_by_a_whole_factor_until_the_grid_can_be_looked_at() -> None:
    images = torch.rand(64, 1, 28, 28) * 2 - 1
    sheet = grids.grid(images, 8)
    assert 400 <= sheet.width == sheet.height <= 620
    first = np.asarray(sheet)[2:58, 2:58]
    assert np.array_equal(first[::2, ::2], first[1::2, 1::2])
    assert np.array_equal(first[::2, ::2, 0], to_uint8(images)[0, ..., 0])


def test_large_pictures_are_never_made_smaller() -> None:
    assert grids.grid(torch.zeros(4, 3, 512, 512), 2).width == 2 * 512 + 3 * 2


def test_colours_stay_what_they_are_in_a_grid() -> None:
    image = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1).expand(4, 3, 64, 64)
    assert np.asarray(grids.grid(image, 2))[40, 40].tolist() == [255, 0, 128]


def test_one_picture_makes_a_grid_too() -> None:
    sheet = np.asarray(grids.grid(flat(1, size=28), 1))
    assert min(sheet.shape[:2]) > 28
    assert (sheet[len(sheet) // 2, len(sheet) // 2] == 255).all()


@pytest.mark.parametrize(("count", "side"), [(1, 1), (2, 2), (4, 2), (5, 3), (64, 8), (65, 9)])
def test_a_grid_is_about_square(count: int, side: int) -> None:
    assert grids.columns(count) == side


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_single_picture_is_written_as_it_is(channels: int, mode: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (1, 12, 12, channels), np.uint8)
    grids.save_single(Path("new/folder/a.png"), to_tensor(levels, torch.device("cpu"))[0])
    with Image.open("new/folder/a.png") as file:
        assert (file.mode, file.size) == (mode, (12, 12))
        assert np.array_equal(np.asarray(file).reshape(levels.shape), levels)


@pytest.mark.parametrize("ending", ["jpg", "webp", "PNG", "tif", "bmp"])
def test_the_ending_names_the_format(ending: str) -> None:
    path = Path(f"grid.{ending}")
    grids.save_grid(path, flat(1, 0, -1, 1, size=64), 2)
    with Image.open(path) as file:
        assert file.format == require_format(path)
        assert file.size == grids.grid(flat(1, 0, -1, 1, size=64), 2).size


@pytest.mark.parametrize("name", ["grid.xyz", "grid", "grid.txt", ".png"])
def test_an_ending_that_names_no_format_is_refused_before_anything_is_written(name: str) -> None:
    with pytest.raises(UsageError, match=r"names no picture format\. Use \.png, \.jpg or \.webp\."):
        grids.save_single(Path("folder", name), torch.zeros(3, 4, 4))
    assert not Path("folder").exists()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_of_any_ending_is_written_whole_or_refused_in_a_sentence(mode: str) -> None:
    written = set()
    for ending in formats.ENDINGS:
        path = Path(f"a{ending}")
        with suppress(UsageError):
            grids.write(path, Image.new(mode, (30, 20), 99))
            written.add(ending)
            with suppress(UnidentifiedImageError), Image.open(path) as file:  # Pillow reads no PDF
                assert file.size == (30, 20), ending
        assert path.exists() == (ending in written)
    assert {".png", ".jpg", ".webp", ".gif", ".tif", ".bmp", ".jp2", ".pdf"} <= written
    assert not {".blp", ".ico", ".icns", ".xbm", ".h5"} & written


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize(
    ("ending", "largest"), [("gif", 65_535), ("webp", 16_383), ("jpg", 65_500), ("tga", 65_535), ("pdf", 65_500)]
)
def test_every_format_is_known_to_hold_what_it_holds_and_no_more(ending: str, largest: int, across: bool) -> None:
    path = Path(f"a.{ending}")
    size, larger = [(side, 1) if across else (1, side) for side in (largest, largest + 1)]
    grids.write(path, Image.new("RGB", size))
    with pytest.raises(UsageError, match=rf"cannot have .* holds {largest:,} a side, and \.png any size\. -o a\.png$"):
        require_format(path, larger)
    grids.write(path.with_suffix(".png"), Image.new("RGB", larger))


@pytest.mark.parametrize("count", [1, 2, 5, 64])
@pytest.mark.parametrize("size", [3, 28, 600])
def test_the_size_of_a_grid_is_known_before_its_pictures_are(count: int, size: int) -> None:
    columns = grids.columns(count)
    grid = grids.grid(torch.zeros(count, 1, size, size), columns)
    assert grids.grid_size(count, columns, size) == grid.size


def test_a_progress_sheet_replaces_the_old_one_and_leaves_nothing_else() -> None:
    for value in (-1.0, 1.0):
        grids.save_preview(Path("epoch-0001.png"), flat(value, size=300), 1)
    assert [path.name for path in Path().iterdir()] == ["epoch-0001.png"]
    with Image.open("epoch-0001.png") as file:
        assert file.getpixel((150, 150)) == (255, 255, 255)


def test_squares_are_resized_smoothly_and_keep_their_channels() -> None:
    chequered = (np.indices((16, 16)).sum(0)[None, ..., None] % 2 * 255).astype(np.uint8).repeat(3, -1)
    chequered.flags.writeable = False  # as what is mapped from a file
    small = reading.resize(chequered, 4)
    assert small.shape == (1, 4, 4, 3)
    assert np.abs(small.astype(int) - 127).max() <= 2, "it is averaged, not picked out"


def test_a_progress_sheet_makes_its_folder_anew() -> None:
    grids.save_preview(Path("gone/epoch-0001.png"), torch.zeros(4, 1, 8, 8), 2)
    assert Path("gone/epoch-0001.png").is_file()
