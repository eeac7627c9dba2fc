"""Precision, recall, density, coverage and nearest neighbours agree with plain loops and see what they are for."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_fidelity import metric_prc

from ganctl.metrics.manifold import density_coverage, nearest_neighbors, precision_recall
from tests.metrics.features import normal, real_and_generated


def modes(*centres: float, count: int = 60, seed: int = 0) -> Tensor:
    """Features [len(centres) · count, 4] around centres that are far from each other."""
    clusters = [normal(count, 4, seed + number) + centre for number, centre in enumerate(centres)]
    return torch.cat(clusters)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_precision_and_recall_are_those_of_torch_fidelity(k: int) -> None:
    real, generated = real_and_generated()
    scores = precision_recall(real, generated[:300], k)
    library = metric_prc.prc_features_to_metric(generated[:300], real, prc_neighborhood=k, verbose=False)
    assert scores == pytest.approx((library["precision"], library["recall"]), abs=1e-7)
    assert 0 < min(scores) < max(scores) < 1


def test_density_and_coverage_are_what_a_loop_counts() -> None:
    real, generated = real_and_generated()
    real, generated, k = real[:90], generated[:70], 4
    reach = [sorted((x - neighbour).norm().item() for neighbour in real)[k] for x in real]
    inside = [[(x - y).norm().item() < radius for y in generated] for x, radius in zip(real, reach, strict=True)]
    scores = density_coverage(real, generated, k)
    assert scores.density == pytest.approx(sum(map(sum, inside)) / (k * 70))
    assert scores.coverage == pytest.approx(sum(map(any, inside)) / 90)
    assert 0 < scores.coverage < 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_copy_has_scores_one_everywhere(dtype: torch.dtype) -> None:
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


@pytest.mark.parametrize("score", [precision_recall, density_coverage])
def test_the_chunk_size_does_not_change_the_scores(score: Callable[..., object]) -> None:
    real, generated = real_and_generated()
    whole = score(real, generated, chunk=1000)
    assert {score(real, generated, chunk=chunk) for chunk in (7, 100, 399)} == {whole}


@pytest.mark.parametrize("score", [precision_recall, density_coverage])
def test_where_the_features_lie_does_not_matter(score: Callable[..., object]) -> None:
    real, generated = real_and_generated()
    assert score(real + 1e7, generated + 1e7) == score(real, generated)


@pytest.mark.parametrize("score", [precision_recall, density_coverage])
def test_a_set_too_small_to_have_neighbours_is_refused(score: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="5 features have no neighbour number 5"):
        score(normal(5, 3), normal(9, 3), 5)


@pytest.mark.parametrize("chunk", [3, 1000])
def test_the_nearest_is_what_a_loop_finds(chunk: int) -> None:
    queries, references = normal(20, 6).float(), normal(70, 6, seed=1).float()
    distances, indices = nearest_neighbors(queries, references, chunk)
    every = torch.stack([(references - query).double().norm(dim=1) for query in queries])
    assert torch.equal(indices, every.argmin(1))
    torch.testing.assert_close(distances, every.min(1).values, rtol=1e-6, atol=0)


def test_a_copy_is_at_distance_zero_and_uint8_images_work_too() -> None:
    pictures = torch.randint(0, 256, (50, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    distances, indices = nearest_neighbors(pictures[[30, 4]].float(), pictures, chunk=16)
    assert distances.tolist() == [0, 0]
    assert indices.tolist() == [30, 4]
    copied = pictures[7:8].clone()
    copied[0, 0, 3, 3] ^= 3
    distance, index = nearest_neighbors(copied, pictures)
    assert (index.item(), distance.item()) == (7, abs(int(copied[0, 0, 3, 3]) - int(pictures[7, 0, 3, 3])))


def test_a_small_difference_far_from_zero_is_not_lost() -> None:
    references = normal(40, 6) + 1e8
    queries = references[:5].clone()
    queries[:, 0] += 0.125
    distances, indices = nearest_neighbors(queries, references)
    assert indices.tolist() == [0, 1, 2, 3, 4]
    torch.testing.assert_close(distances, torch.full((5,), 0.125, dtype=torch.float64), rtol=1e-12, atol=0)
