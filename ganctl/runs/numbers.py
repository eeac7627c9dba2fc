"""Numbers out of files that anything may stand in."""

import math
from typing import Any

_EXACT = 2.0**53  # beyond it a browser counts no single steps


def number(value: Any) -> float | None:
    """A finite number of a size that a browser can hold, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_EXACT < value < _EXACT:
        return None
    return float(value) if math.isfinite(value) else None
