"""Written images: the format is the suffix's, and an image it cannot hold is refused in a sentence."""

from contextlib import suppress
from pathlib import Path

import pytest
import torch
from PIL import Image, UnidentifiedImageError

from ganctl.errors import UsageError
from ganctl.images import formats, grids
from ganctl.images.writing import require_format
from tests.images.image_files import flat_images


@pytest.mark.parametrize("suffix", ["jpg", "webp", "PNG", "tif", "bmp"])
def test_the_ending_names_the_format(suffix: str) -> None:
    path = Path(f"grid.{suffix}")
    grids.save_grid(path, flat_images(1, 0, -1, 1, size=64), 2)
    with Image.open(path) as file:
        assert file.format == require_format(path)
        assert file.size == grids.make_grid(flat_images(1, 0, -1, 1, size=64), 2).size


@pytest.mark.parametrize("name", ["grid.xyz", "grid", "grid.txt", ".png"])
def test_an_ending_that_names_no_format_is_refused_before_anything_is_written(name: str) -> None:
    with pytest.raises(UsageError, match=r"names no picture format\. Use \.png, \.jpg or \.webp\."):
        grids.save_image(Path("folder", name), torch.zeros(3, 4, 4))
    assert not Path("folder").exists()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_of_any_ending_is_written_whole_or_refused_in_a_sentence(mode: str) -> None:
    written = set()
    for suffix in formats.SUFFIX_FORMATS:
        path = Path(f"a{suffix}")
        with suppress(UsageError):
            grids.write_image(path, Image.new(mode, (30, 20), 99))
            written.add(suffix)
            with suppress(UnidentifiedImageError), Image.open(path) as file:  # Pillow reads no PDF
                assert file.size == (30, 20), suffix
        assert path.exists() == (suffix in written)
    assert {".png", ".jpg", ".webp", ".gif", ".tif", ".bmp", ".jp2", ".pdf"} <= written
    assert not {".blp", ".ico", ".icns", ".xbm", ".h5"} & written


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize(
    ("suffix", "largest"), [("gif", 65_535), ("webp", 16_383), ("jpg", 65_500), ("tga", 65_535), ("pdf", 65_500)]
)
def test_the_largest_size_of_every_format_is_known(suffix: str, largest: int, across: bool) -> None:
    path = Path(f"a.{suffix}")
    size, larger = [(length, 1) if across else (1, length) for length in (largest, largest + 1)]
    grids.write_image(path, Image.new("RGB", size))
    with pytest.raises(UsageError, match=rf"cannot have .* holds {largest:,} a side, and \.png any size\. -o a\.png$"):
        require_format(path, larger)
    grids.write_image(path.with_suffix(".png"), Image.new("RGB", larger))
