"""What the figures promise: closed forms, agreement with metrics libraries, and that each sees what it is for."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_fidelity import metric_fid, metric_kid, metric_prc
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganctl.metrics import (
    Statistics,
    checkerboard,
    density_coverage,
    diversity,
    frechet,
    kernel_distance,
    nearest,
    precision_recall,
    psnr,
    ssim,
)


def normal(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian(mean: Tensor, covariance: Tensor) -> Statistics:
    return Statistics(1000, mean.double(), covariance.double())


def modes(*centres: float, count: int = 60, seed: int = 0) -> Tensor:
    """Features [len(centres) · count, 4] around centres that are far from each other."""
    found = [normal(count, 4, seed + number) + centre for number, centre in enumerate(centres)]
    return torch.cat(found)


# The Fréchet distance


def test_the_frechet_distance_of_gaussians_with_common_axes_is_that_of_their_deviations() -> None:
    axes = torch.linalg.qr(normal(40, 40)).Q
    one, other = normal(2, 40, seed=1).square()
    mean = normal(1, 40, seed=2)[0]
    found = frechet(
        gaussian(mean, axes * one @ axes.T), gaussian(torch.zeros(40, dtype=torch.float64), axes * other @ axes.T)
    )
    assert found == pytest.approx((mean.square().sum() + (one.sqrt() - other.sqrt()).square().sum()).item(), rel=1e-8)


def test_the_frechet_distance_of_gaussians_without_common_axes_in_the_plane_is_the_closed_form() -> None:
    one, other = torch.tensor([[[2.0, 0.9], [0.9, 0.5]], [[1.0, -0.4], [-0.4, 3.0]]], dtype=torch.float64)
    root = math.sqrt((one @ other).trace().item() + 2 * math.sqrt((one.det() * other.det()).item()))
    found = frechet(gaussian(torch.tensor([1.0, 2.0]), one), gaussian(torch.tensor([0.5, -1.0]), other))
    assert found == pytest.approx(0.25 + 9 + (one + other).trace().item() - 2 * root, rel=1e-8)


def test_the_frechet_distance_of_two_lines_in_many_dimensions_is_the_closed_form() -> None:
    one, other = normal(2, 300)
    zero = torch.zeros(300, dtype=torch.float64)
    found = frechet(gaussian(zero, torch.outer(one, one)), gaussian(zero, torch.outer(other, other)))
    assert found == pytest.approx((one @ one + other @ other - 2 * (one @ other).abs()).item(), rel=1e-8)


def test_the_frechet_distance_of_a_line_and_a_ball_is_the_closed_form() -> None:
    line = normal(1, 300)[0]
    zero = torch.zeros(300, dtype=torch.float64)
    one, other = gaussian(zero, torch.outer(line, line)), gaussian(zero, torch.eye(300))
    expected = (line @ line + 300 - 2 * line.norm()).item()
    assert frechet(one, other) == pytest.approx(expected, rel=1e-12)
    assert frechet(other, one) == pytest.approx(expected, rel=1e-12)


def test_the_frechet_distance_of_fewer_features_than_dimensions_is_the_closed_form() -> None:
    rows = normal(50, 200)
    one, other = Statistics.of([rows]), Statistics.of([1.1 * rows + 0.01])
    expected = (0.1 * rows.mean(0) + 0.01).square().sum() + 0.01 * one.covariance.trace()
    assert frechet(one, other) == pytest.approx(expected.item(), rel=1e-8)
    assert frechet(other, one) == pytest.approx(expected.item(), rel=1e-8)


@pytest.mark.parametrize("count", [1, 20, 500])
def test_the_frechet_distance_of_equals_is_nought(count: int) -> None:
    one = Statistics.of([normal(count, 60)])
    again = Statistics.of(torch.split(normal(count, 60).flip(0), 7))
    assert 0 <= frechet(one, one) < 1e-12
    assert 0 <= frechet(one, again) < 1e-12


def test_statistics_in_pieces_are_those_of_the_whole_far_from_nought_too() -> None:
    rows = normal(501, 6) + 1e6
    found = Statistics.of(torch.split(rows, 10))
    assert found.count == 501
    torch.testing.assert_close(found.mean, rows.mean(0), rtol=1e-14, atol=0)
    torch.testing.assert_close(found.covariance.numpy(), np.cov(rows.numpy(), rowvar=False), rtol=1e-6, atol=1e-8)


def test_no_features_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="No features"):
        Statistics.of([torch.zeros(0, 3)])


# The kernel distance


def by_pairs(one: Tensor, other: Tensor) -> float:
    """The unbiased estimate, one pair of features at a time."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y).item() / len(x) + 1) ** 3

    size = len(one)
    apart = [(i, j) for i in range(size) for j in range(size) if i != j]
    within = sum(kernel(one[i], one[j]) + kernel(other[i], other[j]) for i, j in apart) / len(apart)
    return within - 2 * sum(kernel(x, y) for x in one for y in other) / size**2


def test_the_kernel_distance_is_the_sum_over_pairs() -> None:
    one, other = normal(12, 5), normal(12, 5, seed=1) + 0.3
    found = kernel_distance(one, other, subsets=3)
    assert found.mean == pytest.approx(by_pairs(one, other), rel=1e-12)
    assert found.deviation == pytest.approx(0, abs=1e-12)  # a subset is all of them


def test_the_kernel_distance_of_one_distribution_is_around_nought_on_both_sides() -> None:
    found = [kernel_distance(normal(200, 8, 2 * seed), normal(200, 8, 2 * seed + 1), 1).mean for seed in range(40)]
    assert min(found) < 0 < max(found)
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(len(found))
    assert kernel_distance(normal(200, 8), normal(200, 8, 1) + 1, 1).mean > 10 * max(found)


def test_the_kernel_distance_is_a_function_of_its_seed_and_not_of_torch_s() -> None:
    one, other = normal(60, 5), normal(50, 5, seed=1)
    found = kernel_distance(one, other, subsets=8, size=20)
    before = torch.get_rng_state()
    assert kernel_distance(one, other, subsets=8, size=20) == found
    assert torch.equal(torch.get_rng_state(), before)
    assert kernel_distance(one, other, subsets=8, size=20, seed=1) != found
    assert found.deviation > 0


def test_the_kernel_distance_needs_two_features_of_each() -> None:
    with pytest.raises(ValueError, match="two features"):
        kernel_distance(normal(1, 3), normal(9, 3))


# What metrics libraries say of the same features


class Given(nn.Module):
    """An extractor whose pictures are features already."""

    num_features = 24

    def forward(self, features: Tensor) -> Tensor:
        """Give them back."""
        return features


def both(seed: int = 0) -> tuple[Tensor, Tensor]:
    return normal(400, 24, seed).relu(), (normal(400, 24, seed + 1) + 0.2).relu()


def test_the_frechet_distance_is_that_of_torchmetrics_and_of_torch_fidelity() -> None:
    real, generated = both()
    found = frechet(Statistics.of([real]), Statistics.of([generated]))
    theirs = FrechetInceptionDistance(feature=Given()).set_dtype(torch.float64)
    theirs.update(real, real=True)
    theirs.update(generated, real=False)
    assert found == pytest.approx(theirs.compute().item(), rel=1e-9)
    statistics = [metric_fid.fid_features_to_statistics(features) for features in (generated, real)]
    fidelity = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    assert found == pytest.approx(fidelity["frechet_inception_distance"], rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_the_kernel_distance_is_that_of_torchmetrics_and_of_torch_fidelity() -> None:
    real, generated = both()
    found = kernel_distance(real, generated, subsets=2)
    theirs = KernelInceptionDistance(feature=Given(), subsets=2, subset_size=400)
    theirs.update(real, real=True)
    theirs.update(generated, real=False)
    assert found.mean == pytest.approx(theirs.compute()[0].item(), rel=1e-9)
    fidelity = metric_kid.kid_features_to_metric(generated, real, kid_subsets=2, kid_subset_size=400, verbose=False)
    assert found.mean == pytest.approx(fidelity["kernel_inception_distance_mean"], rel=1e-9)


@pytest.mark.parametrize("subset_size", [50, 200])
def test_the_deviation_between_subsets_is_of_torch_fidelity_s_size(subset_size: int) -> None:
    real, generated = both()
    found = kernel_distance(real, generated, subsets=300, size=subset_size)
    theirs = metric_kid.kid_features_to_metric(
        generated, real, kid_subsets=300, kid_subset_size=subset_size, verbose=False
    )
    assert found.deviation == pytest.approx(theirs["kernel_inception_distance_std"], rel=0.2)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_precision_and_recall_are_those_of_torch_fidelity(k: int) -> None:
    real, generated = both()
    found = precision_recall(real, generated[:300], k)
    theirs = metric_prc.prc_features_to_metric(generated[:300], real, prc_neighborhood=k, verbose=False)
    assert found == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-7)
    assert 0 < min(found) < max(found) < 1


# Precision, recall, density, coverage


def test_density_and_coverage_are_what_a_loop_counts() -> None:
    real, generated = both()
    real, generated, k = real[:90], generated[:70], 4
    reach = [sorted((x - other).norm().item() for other in real)[k] for x in real]
    inside = [[(x - y).norm().item() < radius for y in generated] for x, radius in zip(real, reach, strict=True)]
    found = density_coverage(real, generated, k)
    assert found.density == pytest.approx(sum(map(sum, inside)) / (k * 70))
    assert found.coverage == pytest.approx(sum(map(any, inside)) / 90)
    assert 0 < found.coverage < 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_copy_has_all_figures_at_one(dtype: torch.dtype) -> None:
    real = (normal(300, 30) + 100).to(dtype)
    copy = real[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    assert precision_recall(real, copy) == (1, 1)
    assert density_coverage(real, copy) == (1, 1)


def test_a_dropped_mode_costs_recall_and_coverage_and_no_precision() -> None:
    real, generated = modes(0, 50), modes(0, 0, seed=9)
    precision, recall = precision_recall(real, generated)
    assert precision > 0.9
    assert 0.35 < recall <= 0.5
    density, coverage = density_coverage(real, generated)
    assert density > 0.9
    assert 0.35 < coverage <= 0.5


def test_an_invented_mode_costs_precision_and_density_and_no_recall() -> None:
    real, generated = modes(0, 0), modes(0, 50, count=60, seed=9)
    precision, recall = precision_recall(real, generated)
    assert 0.35 < precision <= 0.5
    assert recall > 0.85
    assert density_coverage(real, generated).density < 0.6


def test_an_outlier_makes_precision_generous_and_density_not() -> None:
    far = torch.full((1, 4), 30.0, dtype=torch.float64)
    real, generated = torch.cat([modes(0), far]), modes(15)
    assert precision_recall(real, generated).precision > 0.9
    assert density_coverage(real, generated).density < 0.3


def test_one_picture_over_and_over_is_precise_and_covers_nothing() -> None:
    real = modes(0, 50)
    generated = real[:1].repeat(80, 1)
    assert precision_recall(real, generated) == (1, 1 / 120)
    assert density_coverage(real, generated).coverage < 0.1


def test_duplicates_among_the_real_pictures_still_match_their_copies() -> None:
    real = torch.cat([(normal(1, 4) + 100).repeat(10, 1), modes(50)])
    assert precision_recall(real, real[:10]).precision == 1
    assert precision_recall(real, real).recall == 1


@pytest.mark.parametrize("figure", [precision_recall, density_coverage])
def test_pieces_do_not_change_the_figures(figure: Callable[..., object]) -> None:
    real, generated = both()
    whole = figure(real, generated, chunk=1000)
    assert {figure(real, generated, chunk=chunk) for chunk in (7, 100, 399)} == {whole}


@pytest.mark.parametrize("figure", [precision_recall, density_coverage])
def test_where_the_features_lie_does_not_matter(figure: Callable[..., object]) -> None:
    real, generated = both()
    assert figure(real + 1e7, generated + 1e7) == figure(real, generated)


@pytest.mark.parametrize("figure", [precision_recall, density_coverage])
def test_a_set_too_small_to_have_neighbours_is_refused(figure: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="5 features have no neighbour number 5"):
        figure(normal(5, 3), normal(9, 3), 5)


# The nearest neighbour


@pytest.mark.parametrize("chunk", [3, 1000])
def test_the_nearest_is_what_a_loop_finds(chunk: int) -> None:
    queries, references = normal(20, 6).float(), normal(70, 6, seed=1).float()
    distances, which = nearest(queries, references, chunk)
    every = torch.stack([(references - query).double().norm(dim=1) for query in queries])
    assert torch.equal(which, every.argmin(1))
    torch.testing.assert_close(distances, every.min(1).values, rtol=1e-6, atol=0)


def test_a_copy_is_at_distance_nought_and_bytes_are_pictures_too() -> None:
    pictures = torch.randint(0, 256, (50, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    distances, which = nearest(pictures[[30, 4]].float(), pictures, chunk=16)
    assert distances.tolist() == [0, 0]
    assert which.tolist() == [30, 4]
    copied = pictures[7:8].clone()
    copied[0, 0, 3, 3] ^= 3
    distance, found = nearest(copied, pictures)
    assert (found.item(), distance.item()) == (7, abs(int(copied[0, 0, 3, 3]) - int(pictures[7, 0, 3, 3])))


def test_a_small_difference_far_from_nought_is_not_lost() -> None:
    references = normal(40, 6) + 1e8
    queries = references[:5].clone()
    queries[:, 0] += 0.125
    distances, which = nearest(queries, references)
    assert which.tolist() == [0, 1, 2, 3, 4]
    torch.testing.assert_close(distances, torch.full((5,), 0.125, dtype=torch.float64), rtol=1e-12, atol=0)


# Pictures


def noise(count: int = 64, channels: int = 3, side: int = 32, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, channels, side, side, generator=chance) - 1


def test_diversity_is_the_root_mean_square_over_pairs() -> None:
    pictures = noise(9, side=4)
    pairs = [(pictures[i] - pictures[j]).square().mean().item() for i in range(9) for j in range(i)]
    assert diversity(pictures) == pytest.approx(math.sqrt(np.mean(pairs)), rel=1e-6)


def test_diversity_goes_from_nought_to_two_and_falls_with_contrast() -> None:
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
    found: Tensor = torch.fft.ifft2(torch.fft.fft2(noise(seed=3)) / radius).real
    return found / found.abs().max()


@pytest.mark.parametrize("grid", [BOARD, STRIPES, STRIPES.T, WIDE, WIDE.T])
@pytest.mark.parametrize("amplitude", [0.06, 0.12])
def test_a_grid_that_can_be_seen_stands_out_more_the_stronger_it_is(grid: Tensor, amplitude: float) -> None:
    plain = checkerboard(photographs())
    assert checkerboard(photographs() + amplitude * grid) > (1.5 if amplitude < 0.1 else 2.5) * plain


def test_a_grid_that_goes_with_the_picture_s_light_stands_out() -> None:
    assert checkerboard((photographs() + 1) * (1 + 0.1 * BOARD) - 1) > 5


@pytest.mark.parametrize("count", [16, 64])
@pytest.mark.parametrize("side", [28, 32, 50])
def test_noise_has_no_checkerboard_though_it_has_the_energy(count: int, side: int) -> None:
    assert checkerboard(noise(count, side=side)) == pytest.approx(1, abs=0.15)


def test_photographs_and_blank_pictures_have_no_checkerboard() -> None:
    assert 0.7 < checkerboard(photographs()) < 1.1
    assert checkerboard(torch.zeros(4, 1, 28, 28)) == pytest.approx(1)


def test_fine_texture_has_no_checkerboard() -> None:
    fine = noise() - nn.functional.avg_pool2d(noise(), 3, 1, 1)  # most of its energy is where a checkerboard's is
    assert checkerboard(fine) < 1.1


def test_what_a_byte_hides_is_no_checkerboard() -> None:
    assert checkerboard(torch.zeros(4, 1, 32, 32) + 0.1 / 255 * BOARD) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("up", "least", "most"),
    [
        (lambda: nn.ConvTranspose2d(8, 8, 5, 2, 2, 1), 5, math.inf),
        (lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1), 5, math.inf),
        (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1)), 0, 1.2),
    ],
    ids=["kernel 5", "kernel 4", "resize, then convolve"],
)
def test_transposed_convolutions_show_and_resizing_does_not(
    up: Callable[[], nn.Module], least: float, most: float
) -> None:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = nn.Sequential(up(), nn.BatchNorm2d(8), nn.ReLU(), up(), nn.Tanh())
        assert least < checkerboard(net(torch.randn(64, 8, 8, 8))) < most


def test_psnr_is_in_decibels_of_the_whole_range() -> None:
    pictures = noise(3)
    found = psnr(torch.cat([pictures, pictures[:1]]), torch.cat([pictures + 0.02, pictures[:1]]))
    torch.testing.assert_close(
        found, torch.tensor([40.0, 40.0, 40.0, math.inf], dtype=torch.float64), rtol=1e-5, atol=0
    )


def test_ssim_is_one_for_equals_and_one_number_a_picture_less_for_noise_and_least_for_negatives() -> None:
    pictures = photographs()[:3]
    alike, noisy, negative = (ssim(pictures, other) for other in (pictures, pictures + noise(3) / 5, -pictures))
    assert alike.shape == (3,)
    torch.testing.assert_close(alike, torch.ones(3, dtype=torch.float64))
    assert (alike > noisy + 0.05).all()
    assert (noisy > negative + 0.05).all()


def test_ssim_of_flat_pictures_is_its_luminance_term_of_light_from_nought_to_one() -> None:
    dark, light = torch.full((1, 1, 16, 16), -0.5), torch.full((1, 1, 16, 16), 0.5)
    assert ssim(dark, light).item() == pytest.approx((2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4), rel=1e-5)
