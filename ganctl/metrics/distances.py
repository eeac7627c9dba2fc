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
    """The moments of a set of features that the Fréchet distance compares; `a + b` gives those of both sets joined.

    Attributes:
        count: number of features.
        mean: [D], float64.
        covariance: [D, D], float64, divided by count − 1; zero for a single feature.
    """

    count: int
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, chunks: Iterable[Tensor]) -> "Statistics":
        """Accumulate the statistics of features that come in chunks [n, D], one of which is held at a time.

        Raises:
            ValueError: there are no features.
        """
        total: Statistics | None = None
        for chunk in chunks:
            if len(chunk):
                total = cls._of_chunk(chunk) if total is None else total + cls._of_chunk(chunk)
        if total is None:
            raise ValueError("There are no features to take statistics of.")
        return total

    @classmethod
    def _of_chunk(cls, chunk: Tensor) -> "Statistics":
        features = _float64(chunk)
        mean = features.mean(0)
        centred = features - mean
        return cls(len(features), mean, centred.T @ centred / max(1, len(features) - 1))

    def __add__(self, addend: "Statistics") -> "Statistics":
        """Joined as by Chan, Golub and LeVeque 1983, equation 2.1: nothing cancels."""
        count = self.count + addend.count
        shift = addend.mean - self.mean
        scatter = (self.count - 1) * self.covariance + (addend.count - 1) * addend.covariance
        scatter += torch.outer(shift, shift) * (self.count * addend.count / count)
        return Statistics(count, self.mean + shift * (addend.count / count), scatter / (count - 1))


def frechet(a: Statistics, b: Statistics) -> float:
    """Return |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁C₂)^½), 0 or more (Heusel et al. 2017, equation 6).

    With C = FFᵀ the trace of the root is the sum of the singular values of F₁ᵀF₂. Roots of eigenvalues of a product
    would be the same, but each that should be 0 would come out as the root of a rounding error: √ε, a thousand times.
    """
    trace_of_root = torch.linalg.svdvals(_factor(a.covariance).T @ _factor(b.covariance)).sum()
    spread = a.covariance.trace() + b.covariance.trace() - 2 * trace_of_root
    return max(0.0, float((a.mean - b.mean).square().sum() + spread))


def _factor(covariance: Tensor) -> Tensor:
    """F [D, R] with FFᵀ = C [D, D], without the directions in which there is nothing but rounding."""
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    significant = eigenvalues > eigenvalues[-1] * len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
    factor: Tensor = eigenvectors[:, significant] * eigenvalues[significant].sqrt()
    return factor


class KernelDistance(NamedTuple):
    """The kernel distance (KID) and how sure it is.

    Attributes:
        mean: over the subsets. It is unbiased: around 0, and as often below, where the two sets are alike.
        deviation: the standard deviation between subsets; not that of the mean, which is smaller.
    """

    mean: float
    deviation: float


def kernel_distance(a: Tensor, b: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0) -> KernelDistance:
    """Estimate, without bias, the squared maximum mean discrepancy with the kernel (xᵀy/D + 1)³.

    Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401, section 4; the estimator is that of Gretton et al. 2012,
    lemma 6.

    Args:
        a: features [N, D].
        b: features [M, D].
        subsets: how many pairs of subsets are averaged.
        size: features in a subset, chosen without repetition; fewer where there are not as many.
        seed: decides which features are chosen.

    Raises:
        ValueError: a set has fewer than two features.
    """
    size = min(size, len(a), len(b))
    if size < 2:
        raise ValueError("The kernel distance needs two features of each set.")
    a, b = _float64(a), _float64(b)
    generator = torch.Generator().manual_seed(seed)
    estimates = torch.stack(
        [_discrepancy(_subset(a, size, generator), _subset(b, size, generator)) for _ in range(subsets)]
    )
    return KernelDistance(estimates.mean().item(), estimates.std(correction=0).item())


def _subset(features: Tensor, size: int, generator: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=generator)[:size]]


def _discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Of two subsets [S, D]: the mean kernel within each, a feature with itself left out, less twice that between."""
    size = len(a)
    within = sum(((kernel := _kernel(subset, subset)).sum() - kernel.trace()) for subset in (a, b))
    return within / (size * (size - 1)) - 2 * _kernel(a, b).mean()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _float64(features: Tensor) -> Tensor:
    return features.detach().cpu().double()
