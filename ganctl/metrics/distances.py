"""Distances between two sets of features, which are rows [N, D] of any floating type, on any device.

All is computed in float64 on the CPU: the distances are small differences of large sums.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Statistics:
    """All that the Fréchet distance knows of a set of features; of two sets joined, `one + other`.

    Attributes:
        count: how many features.
        mean: [D], float64.
        covariance: [D, D], float64, divided by count − 1; zero for a single feature.
    """

    count: int
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, pieces: Iterable[Tensor]) -> "Statistics":
        """The statistics of features that come in pieces [N, D], of which one at a time is held.

        Raises:
            ValueError: there are no features.
        """
        found: Statistics | None = None
        for piece in pieces:
            if len(piece):
                found = cls._of_one(piece) if found is None else found + cls._of_one(piece)
        if found is None:
            raise ValueError("No features have no statistics.")
        return found

    @classmethod
    def _of_one(cls, piece: Tensor) -> "Statistics":
        rows = _exact(piece)
        mean = rows.mean(0)
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred / max(1, len(rows) - 1))

    def __add__(self, other: "Statistics") -> "Statistics":
        """Joined as by Chan, Golub and LeVeque 1983, equation 2.1: nothing cancels."""
        count = self.count + other.count
        step = other.mean - self.mean
        scatter = (self.count - 1) * self.covariance + (other.count - 1) * other.covariance
        scatter += torch.outer(step, step) * (self.count * other.count / count)
        return Statistics(count, self.mean + step * (other.count / count), scatter / (count - 1))


def frechet(one: Statistics, other: Statistics) -> float:
    """|μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁C₂)^½), 0 or more (Heusel et al. 2017, equation 6).

    With C = FFᵀ the trace of the root is the sum of the singular values of F₁ᵀF₂. Roots of eigenvalues of a product
    would be the same, but each that should be 0 would come out as the root of a rounding error: √ε, a thousand times.
    """
    common = torch.linalg.svdvals(_factor(one.covariance).T @ _factor(other.covariance)).sum()
    spread = one.covariance.trace() + other.covariance.trace() - 2 * common
    return max(0.0, float((one.mean - other.mean).square().sum() + spread))


def _factor(covariance: Tensor) -> Tensor:
    """F [D, R] with FFᵀ = C [D, D], without the directions in which there is nothing but rounding."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    factor: Tensor = vectors[:, kept] * values[kept].sqrt()
    return factor


class KernelDistance(NamedTuple):
    """The kernel distance (KID) and how sure it is.

    Attributes:
        mean: over the subsets. It is unbiased, so it is around 0, and as often below, where the two sets are alike.
        deviation: the standard deviation between subsets; not that of the mean, which is smaller.
    """

    mean: float
    deviation: float


def kernel_distance(one: Tensor, other: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0) -> KernelDistance:
    """The squared maximum mean discrepancy with the kernel (xᵀy/D + 1)³, without bias (Bińkowski et al. 2018).

    Section 4 of https://arxiv.org/abs/1801.01401, estimator of Gretton et al. 2012, lemma 6.

    Args:
        one: features [N, D].
        other: features [M, D].
        subsets: how many pairs of subsets are averaged.
        size: features in a subset, drawn without repetition; fewer where there are not as many.
        seed: decides which.

    Raises:
        ValueError: a set has fewer than two features.
    """
    size = min(size, len(one), len(other))
    if size < 2:
        raise ValueError("The kernel distance needs two features of each set.")
    one, other = _exact(one), _exact(other)
    chance = torch.Generator().manual_seed(seed)
    found = torch.stack([_discrepancy(_some(one, size, chance), _some(other, size, chance)) for _ in range(subsets)])
    return KernelDistance(found.mean().item(), found.std(correction=0).item())


def _some(rows: Tensor, size: int, chance: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=chance)[:size]]


def _discrepancy(one: Tensor, other: Tensor) -> Tensor:
    """Of two subsets [S, D]: the mean kernel within each, a feature with itself left out, less twice that between."""
    size = len(one)
    within = sum(((kernel := _kernel(rows, rows)).sum() - kernel.trace()) for rows in (one, other))
    return within / (size * (size - 1)) - 2 * _kernel(one, other).mean()


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _exact(features: Tensor) -> Tensor:
    return features.detach().cpu().double()
