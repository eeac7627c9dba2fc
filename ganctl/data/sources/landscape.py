"""Generates the landscapes behind the animals of `plain2striped`: sky with clouds, hills and land."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

# RGB of the sky above and at the horizon, and of the land there and in front.
PALETTES = """
5c9de0 cfe6f5 8fb56a 4f8a3c    6fb2e8 f3e2b8 d9bf74 b58a3c
8fb8de eef3f8 c4d2e2 e4ebf4    4f8fd6 f6dcb4 e8c48c d29a5a
41477f f2a07a 6b5a78 3f3d5c    7fc4d8 f7f4dc 5fae9f e6d3a0
a9b4c0 e3e4e0 8f9a7a 6a6f52    b8a0d8 fbd9e0 a8c48a 6fa070
"""


def generate(rng: np.random.Generator, size: int, feet: float, centre: float, length: float) -> tuple[Floats, Floats]:
    """Generate a landscape with the shadow of an animal. What is drawn from `rng` does not depend on `size`.

    Args:
        rng: decides colours and shapes.
        size: width and height in pixels.
        feet: how far down the animal's feet are, from 0 to 1 across the picture.
        centre: how far to the right the middle of its torso is.
        length: of its torso, in picture widths.

    Returns:
        RGB [size, size, 3], about 0 to 1, and the two colours around the animal [2, 3].
    """
    rows = PALETTES.split()
    first = 4 * rng.integers(len(rows) // 4)
    colours = np.array([list(bytes.fromhex(row)) for row in rows[first : first + 4]]) / 255
    colours = (colours + rng.normal(0, 0.03, (4, 3)) + rng.normal(0, 0.04)).clip(0, 1).astype(np.float32)
    zenith, haze, distant, close = colours

    horizon = rng.uniform(0.2, feet - 0.12)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    down = line[:, None, None]
    sky = zenith + (haze - zenith) * (down / horizon).clip(0, 1)
    clouds = (0.5 * _noise(rng, size, 5, 3) + 0.3 * _noise(rng, size, 10, 6) + rng.uniform(-0.6, 0.1)).clip(0, 1)
    sky = sky + (0.97 - sky) * (clouds * rng.uniform(0.4, 0.9))[..., None]

    ridge = horizon - rng.uniform(0.02, 0.14) - 0.035 * _noise(rng, size, 1, 5)[:1]
    edge = horizon - 0.012 * _noise(rng, size, 1, 4)[:1]
    hills = haze + (distant - haze) * rng.uniform(0.35, 0.7) - np.float32(0.05)
    picture = sky + (hills - sky) * coverage(ridge - line[:, None], size)[..., None]
    relief = 0.05 * _noise(rng, size, 6, 4) + 0.03 * _noise(rng, size, 20, 14) + 0.035 * _noise(rng, size, 48, 40)
    land = distant + (close - distant) * ((down - horizon) / (1 - horizon)).clip(0, 1)
    land = land * (1 + relief * rng.uniform(0.5, 1.2))[..., None]
    below, beside = (line[:, None] - feet) / 0.05, (line - centre) / 0.6
    shadow = 0.45 * np.exp(-((below / length) ** 2) - (beside / length) ** 2)
    land = land * (1 - shadow[..., None])
    picture += (land - picture) * coverage(edge - line[:, None], size)[..., None]
    return picture, np.stack([haze, (distant + close) / 2])


def coverage(distance: Floats, size: int) -> Floats:
    """How much of each pixel lies inside an edge, 0 to 1.

    Args:
        distance: from the pixel's centre to the edge, negative inside, in picture widths.
        size: pixels in a picture width.
    """
    return (np.float32(0.5) - distance * np.float32(size)).clip(0, 1)


def _noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Floats:
    """Soft noise [size, size] of mean 0 and deviation about 1, with so many bumps down and across."""
    lattice = rng.normal(0, 2, (rows + 3, columns + 3)).astype(np.float32)
    noise: Floats = _spline_weights(size, rows) @ lattice @ _spline_weights(size, columns).T
    return noise


@cache
def _spline_weights(size: int, cells: int) -> Floats:
    """The weight of each of cells + 3 knots in each pixel: the uniform cubic B-spline, [size, cells + 3]."""
    position = (np.arange(size) + 0.5) / size * cells
    distance = np.abs(position[:, None] - np.arange(-1, cells + 2))
    weights = np.where(distance < 1, 2 / 3 - distance**2 + distance**3 / 2, (2 - distance).clip(0) ** 3 / 6)
    return weights.astype(np.float32)
