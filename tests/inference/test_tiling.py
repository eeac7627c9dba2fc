"""Images of any size: padded, covered by tiles, and without seams between them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from PIL import Image
from torch import Tensor

from ganctl.data.batches import to_normalized_tensor
from ganctl.gans.nets import resnet, unet
from ganctl.gans.nets.layers import shared_statistics
from ganctl.images import reading
from ganctl.inference import tiling
from tests.conftest import REAL_DATA
from tests.translators import Negative, amplified, as_file, gradient, photograph, write_model

CPU = torch.device("cpu")
PICTURES = pytest.mark.parametrize("make", [gradient, photograph])
Make = Callable[[int, int], Tensor]
Upsample = Literal["deconv", "resize"]
UPSAMPLES = pytest.mark.parametrize("upsample", ["deconv", "resize"])


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits so small that small images are tiled."""
    monkeypatch.setattr(tiling, "MAX_UNTILED_PIXELS", 160**2)
    monkeypatch.setattr(tiling, "MAX_TILE_SIZE", 160)


def tiny_resnet(upsample: Upsample = "deconv") -> resnet.Generator:
    torch.manual_seed(0)
    net = amplified(resnet.Generator(blocks=1, width=8, upsample=upsample), 8)
    assert isinstance(net, resnet.Generator)
    return net


def untiled(net: resnet.Generator | unet.Generator, picture: Tensor) -> Tensor:
    """Translate an image in one piece, with the statistics that its tiles have."""
    with torch.inference_mode(), shared_statistics(net, tiling.downscale(net, picture)):
        translated: Tensor = net(picture)
        return translated


def borders(net: tiling.Translator, length: int) -> list[int]:
    """The first pixels of tiles, those after their ends, and the middles of overlaps."""
    starts, weights = tiling.tile_axis(net, length)
    size = weights.shape[1]
    ends = [start + size for start in starts]
    middles = [(start + end) // 2 for start, end in zip(starts[1:], ends[:-1], strict=True)]
    return sorted({*starts[1:], *ends[:-1], *middles})


def seam(net: tiling.Translator, translated: Tensor) -> float:
    """The mean absolute step across the borders of tiles, divided by that elsewhere in the image."""
    across, elsewhere = [], []
    for axis in (2, 3):
        steps = translated.diff(dim=axis).abs().mean((0, 1, 5 - axis))
        positions = torch.tensor(borders(net, translated.shape[axis])) - 1
        across.append(steps[positions])
        is_elsewhere = torch.ones(len(steps), dtype=torch.bool)
        is_elsewhere[positions] = False
        elsewhere.append(steps[is_elsewhere])
    return (torch.cat(across).mean() / torch.cat(elsewhere).mean()).item()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (2, 3), (7, 9), (9, 7), (8, 12), (33, 8)])
def test_an_image_of_any_size_is_padded_to_what_the_net_accepts_and_cropped_back(height: int, width: int) -> None:
    net, picture = Negative(-1.0), torch.rand(1, 3, height, width)
    assert torch.equal(tiling.apply_any_size(net, picture, CPU), -picture)
    (padded,) = net.inputs
    assert padded.shape[2:] == (max(8, -(-height // 4) * 4), max(8, -(-width // 4) * 4))


def test_reflections_repeat_and_are_equal_on_both_sides() -> None:
    line = torch.tensor([1.0, 2, 3])[None, None, None].expand(1, 1, 3, 3)
    assert tiling.reflect_pad(line, 3, 9)[0, 0, 0].tolist() == [2, 3, 2, 1, 2, 3, 2, 1, 2]


def test_a_single_pixel_is_repeated() -> None:
    pixel = torch.tensor([0.5, -0.5]).view(1, 2, 1, 1)
    assert torch.equal(tiling.reflect_pad(pixel, 8, 12), pixel.expand(1, 2, 8, 12))


def test_a_picture_that_fits_goes_through_untouched() -> None:
    net, picture = tiny_resnet(), photograph(32, 48)
    with torch.inference_mode():
        assert torch.equal(tiling.apply_any_size(net, picture, CPU), net(picture))


@pytest.mark.parametrize("net", [resnet.Generator(width=1), unet.Generator(256, width=1), unet.Generator(16, width=1)])
@pytest.mark.parametrize("length", [256, 1280, 1536, 4096, 30208])
def test_tiles_cover_every_pixel_once_and_are_no_larger_than_memory_allows(
    net: resnet.Generator | unet.Generator, length: int
) -> None:
    starts, weights = tiling.tile_axis(net, length)
    size, total = weights.shape[1], torch.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        assert start % net.size_multiple == 0
        total[start : start + size] += weight
    assert size % net.size_multiple == 0
    assert size <= tiling.MAX_TILE_SIZE
    assert (len(starts) == 1) == (length <= tiling.MAX_TILE_SIZE)
    torch.testing.assert_close(total, torch.ones(length))


@pytest.mark.parametrize("net", [resnet.Generator(blocks=200, width=1), unet.Generator(256, width=1)])
def test_a_receptive_field_larger_than_tiles_can_overlap_is_tiled_all_the_same(
    net: resnet.Generator | unet.Generator,
) -> None:
    assert 1 < len(tiling.tile_axis(net, 4096).starts) < 10


@pytest.mark.parametrize(("height", "width"), [(3000, 4000), (2000, 1052), (64, 40000), (1449, 1449)])
def test_the_downscaled_copy_fits_and_keeps_the_aspect(height: int, width: int) -> None:
    net = resnet.Generator(width=1)
    copy = tiling.downscale(net, torch.zeros(1, 1, height, width))
    assert 0.8 * tiling.MAX_UNTILED_PIXELS < copy.numel() <= tiling.MAX_UNTILED_PIXELS
    assert copy.shape[3] / copy.shape[2] == pytest.approx(width / height, rel=0.15)


@UPSAMPLES
@PICTURES
def test_tiles_of_the_resnet_are_what_the_whole_picture_would_be(
    small_tiles: None, upsample: Upsample, make: Make
) -> None:
    net, picture = tiny_resnet(upsample), make(400, 480)
    translated = tiling.apply_any_size(net, picture, CPU)
    assert translated.std() > 0.3
    torch.testing.assert_close(translated, untiled(net, picture), atol=1e-5, rtol=0)
    assert seam(net, translated) <= 1.1


def test_the_downscaled_copy_has_the_statistics_of_its_picture_and_not_of_another(small_tiles: None) -> None:
    net, picture = tiny_resnet("resize"), photograph(400, 480)
    with torch.inference_mode():
        untiled_output = net(picture)
        with shared_statistics(net, gradient(400, 480)):
            with_other_statistics = net(picture)
    error, other_error = (
        (translated - untiled_output).abs().mean()
        for translated in (tiling.apply_any_size(net, picture, CPU), with_other_statistics)
    )
    assert error < other_error / 2


def test_a_seam_would_be_measured(small_tiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    net, picture = tiny_resnet("resize"), gradient(400, 480)
    assert seam(net, tiling.apply_any_size(net, picture, CPU)) <= 1.1
    monkeypatch.setattr(net, "receptive_radius", 0)
    monkeypatch.setattr(tiling, "_BLEND_PIXELS", 1)
    assert seam(net, tiling.apply_any_size(net, picture, CPU)) > 2


@PICTURES
def test_tiles_of_the_unet_are_blended(small_tiles: None, monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    torch.manual_seed(0)
    net, picture = amplified(unet.Generator(16, width=8), 8), make(400, 480)
    monkeypatch.setattr(tiling, "_UNET_MARGIN_PIXELS", 16)
    monkeypatch.setattr(tiling, "_UNET_BLEND_PIXELS", 32)
    translated, target = tiling.apply_any_size(net, picture, CPU), untiled(net, picture)
    assert translated.std() > 0.3
    assert seam(net, translated) <= 1.1 * max(1.0, seam(net, target))
    assert (translated - target).abs().mean() < 0.02 * target.std()
    assert seam(net, translated - target) <= 1.1


@pytest.mark.skipif(not REAL_DATA, reason="GANCTL_DATA is not set")
def test_photographs_have_no_seams(small_tiles: None) -> None:
    assert REAL_DATA
    net, files = tiny_resnet(), sorted(Path(REAL_DATA, "horse2zebra", "testA").glob("*.jpg"))[:4]
    assert files
    for file in files:
        pixels = reading.read_image(file, 400).pixels
        assert pixels.shape == (400, 400, 3)
        assert seam(net, tiling.apply_any_size(net, to_normalized_tensor(pixels[None], CPU), CPU)) <= 1.1, file


@pytest.mark.campaign
@pytest.mark.parametrize("arch", ["resnet", "unet"])
def test_twelve_megapixels_fit_into_four_gibibytes(arch: str) -> None:
    model = write_model(Path("model.safetensors"), (3, 256, 256), arch=arch, blocks=9, width=64)
    as_file(Path("large.jpg"), photograph(3000, 4000))
    command = [sys.executable, "-m", "ganctl", "translate", str(model), "large.jpg", "-o", "out.jpg", "--device", "cpu"]
    started = time.monotonic()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)  # the only call that tells a single child's memory
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    with Image.open("out.jpg") as out:
        assert out.size == (4000, 3000)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**30
    print(f"{arch}: {peak:.2f} GiB, {time.monotonic() - started:.0f} s")
    assert peak <= 4
