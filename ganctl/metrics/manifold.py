"""Precision, recall, density and coverage of two sets of features, from balls that reach to the k-th neighbour.

Features are rows [N, D] of any type, on any device. Squared distances come from matrix products in float64, of
features around their common mean, so that nothing cancels that an image could show; two distances that differ by less
than `_TOLERANCE` of the features' spread count as equal. One chunk of distances is held at a time: 10,000 by 10,000
take 200 MB beside the features in float64.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_CHUNK_ROWS = 1000  # queries whose distances to all references are held at once
_TOLERANCE = 1e-12  # of the references' mean squared distance from their mean


class PrecisionRecall(NamedTuple):
    """Fidelity and diversity as shares from 0 to 1.

    Attributes:
        precision: share of the generated images that lie among the real ones.
        recall: share of the real images that lie among the generated ones.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Fidelity and diversity, with less weight on outliers than precision and recall.

    Attributes:
        density: number of real images' balls that a generated one is in, over the expected number; around 1, and above
            it where the generated images keep to where real ones are dense.
        coverage: share of the real images that have a generated one in their ball, 0 to 1.
    """

    density: float
    coverage: float


def precision_recall(real: Tensor, generated: Tensor, k: int = 3, chunk: int = _CHUNK_ROWS) -> PrecisionRecall:
    """Compute improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2). Balls are closed.

    Args:
        real: features [N, D].
        generated: features [M, D]; the scores depend on N and M, so compare at equal ones.
        k: the neighbour that a ball reaches to.
        chunk: rows at a time; does not change the scores.

    Raises:
        ValueError: a set has no k-th neighbours.
    """
    real, generated, tolerance = _centred(real, generated)
    real_radii, generated_radii = _squared_radii(real, k, chunk), _squared_radii(generated, k, chunk)
    precise = torch.zeros(len(generated), dtype=torch.bool)
    recalled = torch.zeros(len(real), dtype=torch.bool)
    for rows, squares in _squared_distances(generated, real, chunk):
        precise[rows] = (squares <= real_radii + tolerance).any(1)
        recalled |= (squares <= generated_radii[rows, None] + tolerance).any(0)
    return PrecisionRecall(precise.double().mean().item(), recalled.double().mean().item())


def density_coverage(real: Tensor, generated: Tensor, k: int = 5, chunk: int = _CHUNK_ROWS) -> DensityCoverage:
    """Compute density and coverage (Naeem et al. 2020, equations 4 and 6).

    Balls are open, as in the authors' code: a copy of the real images then has the density 1 and the coverage 1.

    Args:
        real: features [N, D].
        generated: features [M, D].
        k: the neighbour that a real image's ball reaches to.
        chunk: rows at a time; does not change the scores.

    Raises:
        ValueError: the real images have no k-th neighbours.
    """
    real, generated, tolerance = _centred(real, generated)
    radii = _squared_radii(real, k, chunk)
    inside = torch.zeros(len(real), dtype=torch.int64)
    for _, squares in _squared_distances(generated, real, chunk):
        inside += (squares < radii - tolerance).sum(0)
    return DensityCoverage(inside.sum().item() / (k * len(generated)), (inside > 0).double().mean().item())


def nearest_neighbors(queries: Tensor, references: Tensor, chunk: int = _CHUNK_ROWS) -> tuple[Tensor, Tensor]:
    """Find the nearest reference of each query.

    Args:
        queries: [N, ...] of any type: features, or images.
        references: [M, ...] alike, at least one; uint8 images are converted a chunk at a time.
        chunk: rows at a time; does not change the answer.

    Returns:
        Euclidean distances [N], float64 and exactly 0 for a copy, and indices into the references [N].
    """
    queries, references = queries.detach().cpu().flatten(1), references.detach().cpu().flatten(1)
    mean = references[:chunk].double().mean(0)
    smallest = torch.full((len(queries),), torch.inf, dtype=torch.float64)
    indices = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(references), chunk):
        centred = references[start : start + chunk].double() - mean
        for rows, squares in _squared_distances(queries, centred, chunk, mean):
            minima, columns = squares.min(1)
            closer = minima < smallest[rows]
            smallest[rows] = torch.where(closer, minima, smallest[rows])
            indices[rows] = torch.where(closer, columns + start, indices[rows])
    pairs = zip(torch.split(queries, chunk), torch.split(indices, chunk), strict=True)
    exact = [torch.linalg.vector_norm(rows.double() - references[index].double(), dim=1) for rows, index in pairs]
    return torch.cat(exact), indices


def _centred(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor, float]:
    """Both sets in float64 around the real ones' mean, and the difference of squares that counts as none."""
    real, generated = real.detach().cpu().double(), generated.detach().cpu().double()
    mean = real.mean(0)
    real, generated = real - mean, generated - mean
    return real, generated, _TOLERANCE * real.square().sum(1).mean().item()


def _squared_radii(features: Tensor, k: int, chunk: int) -> Tensor:
    """The squared distance [N] from each feature to its k-th neighbour in the same set."""
    if len(features) <= k:
        raise ValueError(f"{len(features)} features have no neighbour number {k}.")
    nearest_neighbors = [
        squares.topk(k + 1, dim=1, largest=False).values for _, squares in _squared_distances(features, features, chunk)
    ]
    return torch.cat(nearest_neighbors)[:, k]  # the first is the feature itself


def _squared_distances(
    queries: Tensor, references: Tensor, chunk: int, mean: Tensor | float = 0.0
) -> Iterator[tuple[slice, Tensor]]:
    """For a chunk of queries at a time, less the mean: its rows, and squared distances [chunk, M], 0 or more."""
    lengths = references.square().sum(1)
    for start in range(0, len(queries), chunk):
        centred = queries[start : start + chunk].double() - mean
        squares = torch.addmm(lengths, centred, references.T, alpha=-2).add_(centred.square().sum(1, keepdim=True))
        yield slice(start, start + len(centred)), squares.clamp_(min=0)
