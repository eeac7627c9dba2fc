"""Features to compare, as an extractor would give them."""

import torch
from torch import Tensor


def normal(count: int, width: int, seed: int = 0) -> Tensor:
    """Standard normal features [count, width], float64."""
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def real_and_generated(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two sets [400, 24] of values of 0 or more, the second a little larger."""
    return normal(400, 24, seed).relu(), (normal(400, 24, seed + 1) + 0.2).relu()
