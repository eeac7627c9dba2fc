"""Metrics of images agree with closed forms and with torchmetrics, and see what they are for."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure

from ganctl.metrics.images import checkerboard, diversity, psnr, ssim


def noise(count: int = 64, channels: int = 3, size: int = 32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, channels, size, size, generator=generator) - 1


def test_diversity_is_the_root_mean_square_over_pairs() -> None:
    pictures = noise(9, size=4)
    pairs = [(pictures[i] - pictures[j]).square().mean().item() for i in range(9) for j in range(i)]
    assert diversity(pictures) == pytest.approx(math.sqrt(np.mean(pairs)), rel=1e-6)


def test_diversity_goes_from_zero_to_two_and_falls_with_contrast() -> None:
    picture = torch.ones(1, 1, 4, 4)
    assert diversity(picture.repeat(50, 1, 1, 1)) == 0
    assert diversity(torch.cat([picture, -picture])) == pytest.approx(2)
    assert diversity(0.3 * noise()) == pytest.approx(0.3 * diversity(noise()), rel=1e-6)


BOARD = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
STRIPES = torch.tensor([[1.0, -1.0]]).repeat(32, 16)
WIDE = torch.tensor([[1.0, 1.0, -1.0, -1.0]]).repeat(32, 8)


def photographs() -> Tensor:
    """Pictures whose amplitude falls with frequency, as photographs' does."""
    frequency = torch.fft.fftfreq(32)
    radius = (frequency[:, None].square() + frequency.square()).sqrt().clamp(min=1 / 32)
    photos: Tensor = torch.fft.ifft2(torch.fft.fft2(noise(seed=3)) / radius).real
    return photos / photos.abs().max()


@pytest.mark.parametrize("grid", [BOARD, STRIPES, STRIPES.T, WIDE, WIDE.T])
@pytest.mark.parametrize("amplitude", [0.06, 0.12])
def test_a_grid_that_can_be_seen_stands_out_more_the_stronger_it_is(grid: Tensor, amplitude: float) -> None:
    plain = checkerboard(photographs())
    assert checkerboard(photographs() + amplitude * grid) > (1.5 if amplitude < 0.1 else 2.5) * plain


def test_a_grid_that_goes_with_the_picture_s_light_stands_out() -> None:
    assert checkerboard((photographs() + 1) * (1 + 0.1 * BOARD) - 1) > 5


@pytest.mark.parametrize("count", [16, 64])
@pytest.mark.parametrize("size", [28, 32, 50])
def test_noise_has_no_checkerboard_though_it_has_the_energy(count: int, size: int) -> None:
    assert checkerboard(noise(count, size=size)) == pytest.approx(1, abs=0.15)


def test_photographs_and_blank_pictures_have_no_checkerboard() -> None:
    assert 0.7 < checkerboard(photographs()) < 1.1
    assert checkerboard(torch.zeros(4, 1, 28, 28)) == pytest.approx(1)


def test_fine_texture_has_no_checkerboard() -> None:
    fine = noise() - nn.functional.avg_pool2d(noise(), 3, 1, 1)  # most of its energy is where a checkerboard's is
    assert checkerboard(fine) < 1.1


def test_what_a_byte_hides_is_no_checkerboard() -> None:
    assert checkerboard(torch.zeros(4, 1, 32, 32) + 0.1 / 255 * BOARD) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("up", "low", "high"),
    [
        (lambda: nn.ConvTranspose2d(8, 8, 5, 2, 2, 1), 5, math.inf),
        (lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1), 5, math.inf),
        (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1)), 0, 1.2),
    ],
    ids=["kernel 5", "kernel 4", "resize, then convolve"],
)
def test_transposed_convolutions_show_and_resizing_does_not(
    up: Callable[[], nn.Module], low: float, high: float
) -> None:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = nn.Sequential(up(), nn.BatchNorm2d(8), nn.ReLU(), up(), nn.Tanh())
        assert low < checkerboard(net(torch.randn(64, 8, 8, 8))) < high


def test_psnr_is_in_decibels_of_the_whole_range() -> None:
    pictures = noise(3)
    ratios = psnr(torch.cat([pictures, pictures[:1]]), torch.cat([pictures + 0.02, pictures[:1]]))
    torch.testing.assert_close(
        ratios, torch.tensor([40.0, 40.0, 40.0, math.inf], dtype=torch.float64), rtol=1e-5, atol=0
    )


def test_ssim_is_one_for_equals_and_one_number_a_picture_less_for_noise_and_least_for_negatives() -> None:
    pictures = photographs()[:3]
    alike, noisy, negative = (ssim(pictures, target) for target in (pictures, pictures + noise(3) / 5, -pictures))
    assert alike.shape == (3,)
    torch.testing.assert_close(alike, torch.ones(3, dtype=torch.float64))
    assert (alike > noisy + 0.05).all()
    assert (noisy > negative + 0.05).all()


@pytest.mark.parametrize(("channels", "size"), [(1, 6), (3, 11), (3, 64)])
def test_ssim_is_that_of_torchmetrics(channels: int, size: int) -> None:
    images, targets = noise(4, channels, size), noise(4, channels, size, seed=1)
    targets[0] = images[0]
    targets[1] = (images[1] + targets[1] / 4).clamp(-1, 1)
    images[2] = 0.25
    images[3], targets[3] = 1, -1
    expected = structural_similarity_index_measure(
        (images.double() + 1) / 2, (targets.double() + 1) / 2, reduction="none", data_range=1.0
    )
    torch.testing.assert_close(ssim(images, targets), expected, rtol=1e-9, atol=1e-12)


def test_ssim_of_flat_pictures_is_its_luminance_term_of_light_from_zero_to_one() -> None:
    dark, light = torch.full((1, 1, 16, 16), -0.5), torch.full((1, 1, 16, 16), 0.5)
    assert ssim(dark, light).item() == pytest.approx((2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4), rel=1e-5)
