"""Tensors as uint8 images, grids, previews and single files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganctl.data.batches import to_normalized_tensor
from ganctl.images import grids
from ganctl.images.grids import to_uint8
from tests.images.image_files import flat_images


def test_uint8_images_survive_a_round_trip() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    assert np.array_equal(to_uint8(to_normalized_tensor(pixels, torch.device("cpu"))), pixels)


def test_values_beyond_the_range_become_black_and_white() -> None:
    assert to_uint8(flat_images(-9, -1, 1, 9))[:, 0, 0, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_pictures_of_any_precision_become_uint8(dtype: torch.dtype) -> None:
    image = flat_images(1, -1).to(dtype).requires_grad_()
    assert to_uint8(image)[:, 0, 0, 0].tolist() == [255, 0]


def test_a_grid_is_filled_row_by_row_and_the_rest_is_background() -> None:
    grid = np.asarray(grids.make_grid(flat_images(-1, 0, 1, size=256), 2))
    step, middle = 256 + 2, 2 + 128
    centres = grid[middle::step, middle::step]
    assert centres.tolist() == [[[0] * 3, [128] * 3], [[255] * 3, [24] * 3]]
    assert grid.shape == (2 * step + 2, 2 * step + 2, 3)
    assert (grid[:2] == 24).all() and (grid[:, step : step + 2] == 24).all()


def test_small_pictures_are_enlarged_by_a_whole_factor_until_the_grid_is_large_enough() -> None:
    images = torch.rand(64, 1, 28, 28) * 2 - 1
    grid = grids.make_grid(images, 8)
    assert 400 <= grid.width == grid.height <= 620
    first = np.asarray(grid)[2:58, 2:58]
    assert np.array_equal(first[::2, ::2], first[1::2, 1::2])
    assert np.array_equal(first[::2, ::2, 0], to_uint8(images)[0, ..., 0])


def test_large_pictures_are_never_made_smaller() -> None:
    assert grids.make_grid(torch.zeros(4, 3, 512, 512), 2).width == 2 * 512 + 3 * 2


def test_colours_stay_what_they_are_in_a_grid() -> None:
    image = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1).expand(4, 3, 64, 64)
    assert np.asarray(grids.make_grid(image, 2))[40, 40].tolist() == [255, 0, 128]


def test_one_picture_makes_a_grid_too() -> None:
    grid = np.asarray(grids.make_grid(flat_images(1, size=28), 1))
    assert min(grid.shape[:2]) > 28
    assert (grid[len(grid) // 2, len(grid) // 2] == 255).all()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3), (64, 8), (65, 9)])
def test_a_grid_is_about_square(count: int, columns: int) -> None:
    assert grids.grid_columns(count) == columns


@pytest.mark.parametrize(("size", "columns", "rows"), [(16, 4, 6), (64, 8, 8), (200, 4, 2)])
def test_a_grid_can_be_cut_into_its_images_again(size: int, columns: int, rows: int) -> None:
    values = torch.linspace(-1, 1, rows * columns)
    batch = values.view(-1, 1, 1, 1).expand(-1, 3, size, size)
    cut = grids.split_grid(grids.make_grid(batch, columns), columns, size)
    cell_values = [np.unique(np.asarray(cell)) for row in cut for cell in row]
    assert np.concatenate(cell_values).tolist() == to_uint8(batch)[:, 0, 0, 0].tolist()
    with pytest.raises(ValueError, match="no grid"):
        grids.split_grid(grids.make_grid(batch, columns), columns, size + 1)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_single_picture_is_written_as_it_is(channels: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 12, 12, channels), np.uint8)
    grids.save_image(Path("new/folder/a.png"), to_normalized_tensor(pixels, torch.device("cpu"))[0])
    with Image.open("new/folder/a.png") as file:
        assert (file.mode, file.size) == (mode, (12, 12))
        assert np.array_equal(np.asarray(file).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("count", [1, 2, 5, 64])
@pytest.mark.parametrize("size", [3, 28, 600])
def test_the_size_of_a_grid_is_known_before_its_pictures_are(count: int, size: int) -> None:
    columns = grids.grid_columns(count)
    grid = grids.make_grid(torch.zeros(count, 1, size, size), columns)
    assert grids.grid_size(count, columns, size) == grid.size


def test_a_preview_replaces_the_old_one_and_leaves_nothing_else() -> None:
    for value in (-1.0, 1.0):
        grids.save_preview(Path("epoch-0001.png"), flat_images(value, size=300), 1)
    assert [path.name for path in Path().iterdir()] == ["epoch-0001.png"]
    with Image.open("epoch-0001.png") as file:
        assert file.getpixel((150, 150)) == (255, 255, 255)


def test_a_preview_recreates_its_folder() -> None:
    grids.save_preview(Path("gone/epoch-0001.png"), torch.zeros(4, 1, 8, 8), 2)
    assert Path("gone/epoch-0001.png").is_file()
