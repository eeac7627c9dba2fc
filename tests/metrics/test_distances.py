"""The distances agree with closed forms and with metrics libraries."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_fidelity import metric_fid, metric_kid
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganctl.metrics.distances import Statistics, frechet, kernel_distance
from tests.metrics.features import normal, real_and_generated


def gaussian(mean: Tensor, covariance: Tensor) -> Statistics:
    return Statistics(1000, mean.double(), covariance.double())


def test_the_frechet_distance_of_gaussians_with_common_axes_is_that_of_their_deviations() -> None:
    axes = torch.linalg.qr(normal(40, 40)).Q
    a, b = normal(2, 40, seed=1).square()
    mean = normal(1, 40, seed=2)[0]
    distance = frechet(
        gaussian(mean, axes * a @ axes.T), gaussian(torch.zeros(40, dtype=torch.float64), axes * b @ axes.T)
    )
    assert distance == pytest.approx((mean.square().sum() + (a.sqrt() - b.sqrt()).square().sum()).item(), rel=1e-8)


def test_the_frechet_distance_of_gaussians_without_common_axes_in_the_plane_is_the_closed_form() -> None:
    a, b = torch.tensor([[[2.0, 0.9], [0.9, 0.5]], [[1.0, -0.4], [-0.4, 3.0]]], dtype=torch.float64)
    root = math.sqrt((a @ b).trace().item() + 2 * math.sqrt((a.det() * b.det()).item()))
    distance = frechet(gaussian(torch.tensor([1.0, 2.0]), a), gaussian(torch.tensor([0.5, -1.0]), b))
    assert distance == pytest.approx(0.25 + 9 + (a + b).trace().item() - 2 * root, rel=1e-8)


def test_the_frechet_distance_of_two_lines_in_many_dimensions_is_the_closed_form() -> None:
    a, b = normal(2, 300)
    zero = torch.zeros(300, dtype=torch.float64)
    distance = frechet(gaussian(zero, torch.outer(a, a)), gaussian(zero, torch.outer(b, b)))
    assert distance == pytest.approx((a @ a + b @ b - 2 * (a @ b).abs()).item(), rel=1e-8)


def test_the_frechet_distance_of_a_line_and_a_ball_is_the_closed_form() -> None:
    line = normal(1, 300)[0]
    zero = torch.zeros(300, dtype=torch.float64)
    a, b = gaussian(zero, torch.outer(line, line)), gaussian(zero, torch.eye(300))
    expected = (line @ line + 300 - 2 * line.norm()).item()
    assert frechet(a, b) == pytest.approx(expected, rel=1e-12)
    assert frechet(b, a) == pytest.approx(expected, rel=1e-12)


def test_the_frechet_distance_of_fewer_features_than_dimensions_is_the_closed_form() -> None:
    rows = normal(50, 200)
    a, b = Statistics.of([rows]), Statistics.of([1.1 * rows + 0.01])
    expected = (0.1 * rows.mean(0) + 0.01).square().sum() + 0.01 * a.covariance.trace()
    assert frechet(a, b) == pytest.approx(expected.item(), rel=1e-8)
    assert frechet(b, a) == pytest.approx(expected.item(), rel=1e-8)


@pytest.mark.parametrize("count", [1, 20, 500])
def test_the_frechet_distance_of_equals_is_zero(count: int) -> None:
    a = Statistics.of([normal(count, 60)])
    again = Statistics.of(torch.split(normal(count, 60).flip(0), 7))
    assert 0 <= frechet(a, a) < 1e-12
    assert 0 <= frechet(a, again) < 1e-12


def test_statistics_of_chunks_are_those_of_the_whole_far_from_zero_too() -> None:
    rows = normal(501, 6) + 1e6
    statistics = Statistics.of(torch.split(rows, 10))
    assert statistics.count == 501
    torch.testing.assert_close(statistics.mean, rows.mean(0), rtol=1e-14, atol=0)
    torch.testing.assert_close(statistics.covariance.numpy(), np.cov(rows.numpy(), rowvar=False), rtol=1e-6, atol=1e-8)


def test_no_features_have_no_statistics() -> None:
    with pytest.raises(ValueError, match="There are no features"):
        Statistics.of([torch.zeros(0, 3)])


def by_pairs(a: Tensor, b: Tensor) -> float:
    """The unbiased estimate, one pair of features at a time."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y).item() / len(x) + 1) ** 3

    size = len(a)
    apart = [(i, j) for i in range(size) for j in range(size) if i != j]
    within = sum(kernel(a[i], a[j]) + kernel(b[i], b[j]) for i, j in apart) / len(apart)
    return within - 2 * sum(kernel(x, y) for x in a for y in b) / size**2


def test_the_kernel_distance_is_the_sum_over_pairs() -> None:
    a, b = normal(12, 5), normal(12, 5, seed=1) + 0.3
    distance = kernel_distance(a, b, subsets=3)
    assert distance.mean == pytest.approx(by_pairs(a, b), rel=1e-12)
    assert distance.deviation == pytest.approx(0, abs=1e-12)  # a subset is all of them


def test_the_kernel_distance_of_one_distribution_is_around_zero_on_both_sides() -> None:
    distances = [kernel_distance(normal(200, 8, 2 * seed), normal(200, 8, 2 * seed + 1), 1).mean for seed in range(40)]
    assert min(distances) < 0 < max(distances)
    assert abs(np.mean(distances)) < 3 * np.std(distances) / math.sqrt(len(distances))
    assert kernel_distance(normal(200, 8), normal(200, 8, 1) + 1, 1).mean > 10 * max(distances)


def test_the_kernel_distance_is_a_function_of_its_seed_and_not_of_torch_s() -> None:
    a, b = normal(60, 5), normal(50, 5, seed=1)
    distance = kernel_distance(a, b, subsets=8, size=20)
    before = torch.get_rng_state()
    assert kernel_distance(a, b, subsets=8, size=20) == distance
    assert torch.equal(torch.get_rng_state(), before)
    assert kernel_distance(a, b, subsets=8, size=20, seed=1) != distance
    assert distance.deviation > 0


def test_the_kernel_distance_needs_two_features_of_each() -> None:
    with pytest.raises(ValueError, match="two features"):
        kernel_distance(normal(1, 3), normal(9, 3))


class Identity(nn.Module):
    """An extractor that takes features for images."""

    num_features = 24

    def forward(self, features: Tensor) -> Tensor:
        """Return them."""
        return features


def test_the_frechet_distance_is_that_of_torchmetrics_and_of_torch_fidelity() -> None:
    real, generated = real_and_generated()
    distance = frechet(Statistics.of([real]), Statistics.of([generated]))
    library = FrechetInceptionDistance(feature=Identity()).set_dtype(torch.float64)
    library.update(real, real=True)
    library.update(generated, real=False)
    assert distance == pytest.approx(library.compute().item(), rel=1e-9)
    statistics = [metric_fid.fid_features_to_statistics(features) for features in (generated, real)]
    fidelity = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    assert distance == pytest.approx(fidelity["frechet_inception_distance"], rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_the_kernel_distance_is_that_of_torchmetrics_and_of_torch_fidelity() -> None:
    real, generated = real_and_generated()
    distance = kernel_distance(real, generated, subsets=2)
    library = KernelInceptionDistance(feature=Identity(), subsets=2, subset_size=400)
    library.update(real, real=True)
    library.update(generated, real=False)
    assert distance.mean == pytest.approx(library.compute()[0].item(), rel=1e-9)
    fidelity = metric_kid.kid_features_to_metric(generated, real, kid_subsets=2, kid_subset_size=400, verbose=False)
    assert distance.mean == pytest.approx(fidelity["kernel_inception_distance_mean"], rel=1e-9)


@pytest.mark.parametrize("subset_size", [50, 200])
def test_the_deviation_between_subsets_is_of_torch_fidelity_s_size(subset_size: int) -> None:
    real, generated = real_and_generated()
    distance = kernel_distance(real, generated, subsets=300, size=subset_size)
    library = metric_kid.kid_features_to_metric(
        generated, real, kid_subsets=300, kid_subset_size=subset_size, verbose=False
    )
    assert distance.deviation == pytest.approx(library["kernel_inception_distance_std"], rel=0.2)
