"""Which of two sets of features lies where the other does, told by balls that reach to the k-th neighbour.

Features are rows [N, D] of any type, on any device. Squared distances come from products of matrices in float64, of
features around their common mean, so that nothing cancels that a picture could show; two distances that differ by
less than `_SLACK` of the features' spread are equal. A chunk of them is held at a time: 10,000 by 10,000 take
200 MB beside the features in float64.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_CHUNK = 1000  # queries whose distances to all references are held at once
_SLACK = 1e-12  # of the references' mean squared distance from their mean


class PrecisionRecall(NamedTuple):
    """Shares from 0 to 1.

    Attributes:
        precision: of the generated pictures, those that could be real.
        recall: of the real pictures, those that could be generated.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """What precision and recall mean, with less weight on outliers.

    Attributes:
        density: how many real pictures' balls a generated one is in, over what is expected; around 1, and above it
            where the generated pictures keep to where real ones are dense.
        coverage: the share of the real pictures that have a generated one in their ball, 0 to 1.
    """

    density: float
    coverage: float


def precision_recall(real: Tensor, generated: Tensor, k: int = 3, chunk: int = _CHUNK) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2): balls are closed.

    Args:
        real: features [N, D].
        generated: features [M, D]; the figures depend on N and M, so compare at equal ones.
        k: which neighbour a ball reaches to.
        chunk: rows at a time; does not change the figures.

    Raises:
        ValueError: a set has no k-th neighbours.
    """
    real, generated, slack = _around_the_mean(real, generated)
    reach_real, reach_generated = _reach(real, k, chunk), _reach(generated, k, chunk)
    inside = torch.zeros(len(generated), dtype=torch.bool)
    reached = torch.zeros(len(real), dtype=torch.bool)
    for rows, squares in _distances(generated, real, chunk):
        inside[rows] = (squares <= reach_real + slack).any(1)
        reached |= (squares <= reach_generated[rows, None] + slack).any(0)
    return PrecisionRecall(inside.double().mean().item(), reached.double().mean().item())


def density_coverage(real: Tensor, generated: Tensor, k: int = 5, chunk: int = _CHUNK) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, equations 4 and 6).

    Balls are open, as in the authors' code: a copy of the real pictures then has the density 1 and the coverage 1.

    Args:
        real: features [N, D].
        generated: features [M, D].
        k: which neighbour a real picture's ball reaches to.
        chunk: rows at a time; does not change the figures.

    Raises:
        ValueError: the real pictures have no k-th neighbours.
    """
    real, generated, slack = _around_the_mean(real, generated)
    reach = _reach(real, k, chunk)
    inside = torch.zeros(len(real), dtype=torch.int64)
    for _, squares in _distances(generated, real, chunk):
        inside += (squares < reach - slack).sum(0)
    return DensityCoverage(inside.sum().item() / (k * len(generated)), (inside > 0).double().mean().item())


def nearest(queries: Tensor, references: Tensor, chunk: int = _CHUNK) -> tuple[Tensor, Tensor]:
    """The nearest reference of each query.

    Args:
        queries: [N, ...] of any type: features, or pictures.
        references: [M, ...] alike, at least one; of bytes, they are made numbers a chunk at a time.
        chunk: rows at a time; does not change the answer.

    Returns:
        Euclidean distances [N], float64 and exactly 0 for a copy, and which of the references it is [N].
    """
    queries, references = queries.detach().cpu().flatten(1), references.detach().cpu().flatten(1)
    middle = references[:chunk].double().mean(0)
    least = torch.full((len(queries),), torch.inf, dtype=torch.float64)
    which = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(references), chunk):
        some = references[start : start + chunk].double() - middle
        for rows, squares in _distances(queries, some, chunk, middle):
            found, place = squares.min(1)
            better = found < least[rows]
            least[rows] = torch.where(better, found, least[rows])
            which[rows] = torch.where(better, place + start, which[rows])
    pairs = zip(torch.split(queries, chunk), torch.split(which, chunk), strict=True)
    exact = [torch.linalg.vector_norm(some.double() - references[place].double(), dim=1) for some, place in pairs]
    return torch.cat(exact), which


def _around_the_mean(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor, float]:
    """Both sets in float64 around the real ones' mean, and the difference of squares that is none."""
    real, generated = real.detach().cpu().double(), generated.detach().cpu().double()
    middle = real.mean(0)
    real, generated = real - middle, generated - middle
    return real, generated, _SLACK * real.square().sum(1).mean().item()


def _reach(features: Tensor, k: int, chunk: int) -> Tensor:
    """The squared distance [N] from each feature to its k-th neighbour among the others."""
    if len(features) <= k:
        raise ValueError(f"{len(features)} features have no neighbour number {k}.")
    nearest = [squares.topk(k + 1, dim=1, largest=False).values for _, squares in _distances(features, features, chunk)]
    return torch.cat(nearest)[:, k]  # the first is the feature itself


def _distances(
    queries: Tensor, references: Tensor, chunk: int, middle: Tensor | float = 0.0
) -> Iterator[tuple[slice, Tensor]]:
    """For a chunk of queries at a time, less the middle: its rows, and squared distances [chunk, M], 0 or more."""
    lengths = references.square().sum(1)
    for start in range(0, len(queries), chunk):
        some = queries[start : start + chunk].double() - middle
        squares = torch.addmm(lengths, some, references.T, alpha=-2).add_(some.square().sum(1, keepdim=True))
        yield slice(start, start + len(some)), squares.clamp_(min=0)
