"""Reading image files: several views, limits of size, and HEIC."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.images import formats, reading, scanning
from ganctl.images.probing import Probe, probe
from tests.images.image_files import SOFT, encode


def test_pictures_of_several_views_are_read_as_their_first(tmp_path: Path) -> None:
    second = Image.fromarray(255 - SOFT)
    Image.fromarray(SOFT).save(tmp_path / "a.mpo", "MPO", quality=95, save_all=True, append_images=[second])
    assert scanning.scan_folder(tmp_path).files == (tmp_path / "a.mpo",)
    assert np.abs(reading.read_image(tmp_path / "a.mpo").pixels.astype(int) - SOFT).max() <= 12


def test_the_limit_of_megapixels_is_on_what_is_decoded() -> None:
    Path("a.jpg").write_bytes(encode("JPEG"))
    Path("b.jpg").write_bytes(encode("JPEG", progressive=True))
    Path("c.png").write_bytes(encode("PNG"))
    half_its_pixels = 96 * 64 / 2e6
    assert reading.read_image(Path("a.jpg"), 8, half_its_pixels).pixels.shape == (8, 12, 3)
    assert reading.read_square(Path("a.jpg"), 8, half_its_pixels)[1] == 64
    assert probe(Path("a.jpg"), half_its_pixels) == Probe(96, 64, "RGB")
    for name, size in (("a.jpg", None), ("b.jpg", 8), ("c.png", 8)):  # a progressive one is decoded at full size
        with pytest.raises(
            OSError, match=r"^it has more than 0.003072 megapixels, which --max-megapixels would allow$"
        ):
            reading.read_image(Path(name), size, half_its_pixels)
        assert reading.read_image(Path(name), size, 2 * half_its_pixels).pixels.size


def test_a_picture_beyond_pillow_s_own_limit_is_read_at_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 96×64 pixels are more than twice as many
    Path("a.jpg").write_bytes(encode("JPEG"))
    assert reading.read_image(Path("a.jpg")).pixels.shape == SOFT.shape
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.skipif("HEIF" not in formats.READERS, reason="the extra heic is not installed")
def test_heic_is_read_where_its_extra_is_installed() -> None:
    Image.fromarray(SOFT).save("a.heic", quality=95)
    assert scanning.scan_folder(Path()).files == (Path("a.heic"),)
    assert np.abs(reading.read_image(Path("a.heic")).pixels.astype(int) - SOFT).mean() < 4
