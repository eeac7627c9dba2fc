"""`plain2striped`: two domains that ganctl draws itself: animals of one plain colour, and striped animals.

Every scene has a plain look and a striped look, and each follows from the other. Where the plain look has the
coat's colour `p`, 0 to 1 and softly shaded, and `w` is how much of that pixel is light stripe, the striped look has

    (1 - w) · DARK · p + w · (LIFT + (1 - LIFT) · p),

which can be solved for `p`. `w` follows from the torso, which both looks show: the stripes lie across its axis, their
upper ends leant back by LEAN, a light one on its centre, and repeat after PERIOD of its length. Ground and eye are
the same in both. So a translation has one right answer, and it is mirrored or cropped with the picture.

Places are complex numbers: x to the right + y down · i, from 0 to 1 across the picture.
"""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Places = NDArray[np.complex64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

VERSION = 1
"""Raised whenever the drawing changes; part of the cache key."""

DOMAINS = ("plain", "striped")

COUNTS = {"train": (1000, 1000), "test": (200, 200)}
"""Pictures in each part, of each domain."""

DARK = 0.2  # a dark stripe is the plain colour times this
LIFT = 0.45  # a light stripe is this share of white over the plain colour
PERIOD = 0.25  # of the stripes, in torso lengths: 5 to 8 pixels in a picture of 64
LEAN = np.deg2rad(20)
MARGIN = 0.04  # of the picture, left free around the animal

# Where the animals live: the sky above and at the horizon, the land there and in front.
LANDS = """
5c9de0 cfe6f5 8fb56a 4f8a3c    6fb2e8 f3e2b8 d9bf74 b58a3c
8fb8de eef3f8 c4d2e2 e4ebf4    4f8fd6 f6dcb4 e8c48c d29a5a
41477f f2a07a 6b5a78 3f3d5c    7fc4d8 f7f4dc 5fae9f e6d3a0
a9b4c0 e3e4e0 8f9a7a 6a6f52    b8a0d8 fbd9e0 a8c48a 6fa070
"""


class Figure(NamedTuple):
    """An animal: K tapered capsules, and what fixes its stripes."""

    ends: Places  # [K, 2]
    radii: Floats  # [K, 2], at the ends
    far: Mask  # [K], whether the capsule belongs to the far side, which lies in shade
    centre: complex  # of the torso
    axis: complex  # of the torso, towards the head; of length 1
    length: float  # of the torso
    eye: complex


def draw(part: str, domain: str, start: int, stop: int, size: int) -> Bytes:
    """Draw the pictures `start` to `stop - 1` of one domain of a part.

    Picture `i` is the same however the range is cut, and the same scene at every size. The two domains of a part
    are unpaired: they share no scene.

    Args:
        part: "train" or "test".
        domain: "plain" or "striped".
        start: the first picture, from 0.
        stop: one past the last, at most the domain's number in `COUNTS[part]`.
        size: pixels along an edge.

    Returns:
        RGB levels [n, size, size, 3], 0 to 255.

    Raises:
        ValueError: if the part or the domain is unknown or the range reaches outside it.
    """
    return _draw(part, domain, start, stop, size, striped=domain == "striped")[0]


def truth(domain: str, start: int, stop: int, size: int) -> tuple[Bytes, Mask]:
    """Draw what the held-out pictures `start` to `stop - 1` of a domain are in the other domain.

    Args:
        domain: the domain of the pictures to translate, "plain" or "striped".
        start: the first picture, from 0.
        stop: one past the last, at most the domain's number in `COUNTS["test"]`.
        size: pixels along an edge.

    Returns:
        RGB levels [n, size, size, 3], 0 to 255, and where the animal is [n, size, size], its soft edge included.
        Outside that mask they equal `draw("test", domain, start, stop, size)` exactly.

    Raises:
        ValueError: if the domain is unknown or the range reaches outside it.
    """
    return _draw("test", domain, start, stop, size, striped=domain == "plain")


def _draw(part: str, domain: str, start: int, stop: int, size: int, striped: bool) -> tuple[Bytes, Mask]:
    if part not in COUNTS:
        raise ValueError(f"plain2striped has the parts {', '.join(COUNTS)}, not {part!r}")
    if domain not in DOMAINS:
        raise ValueError(f"plain2striped has the domains {', '.join(DOMAINS)}, not {domain!r}")
    side = DOMAINS.index(domain)
    count = COUNTS[part][side]
    if not 0 <= start <= stop <= count:
        raise ValueError(f"plain2striped {part} {domain} has pictures 0 to {count}, not {start} to {stop}")
    images = np.empty((stop - start, size, size, 3), np.uint8)
    masks = np.empty((stop - start, size, size), np.bool_)
    for place, index in enumerate(range(start, stop)):
        rng = np.random.default_rng(np.random.SeedSequence([VERSION, list(COUNTS).index(part), side, index]))
        images[place], masks[place] = _scene(rng, size, striped)
    return images, masks


def _scene(rng: np.random.Generator, size: int, striped: bool) -> tuple[Bytes, Mask]:
    """One picture [size, size, 3] and its mask [size, size]. What is asked of `rng` must not depend on `size`."""
    figure = _put(_pose(rng), rng)
    ground, around = _ground(rng, size, figure)
    colour = _coat(rng, around)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    places = (line + 1j * line[:, None]).astype(np.complex64)
    coverage, shade = _body(figure, places)
    look = shade[..., None] * colour
    if striped:
        light = _stripes(figure, places)[..., None]
        look = (1 - light) * DARK * look + light * (LIFT + (1 - LIFT) * look)
    eye = _inside(np.abs(places - figure.eye) - 0.028 * figure.length, size)[..., None]
    look = look + eye * (0.06 - look)
    picture = ground + coverage[..., None] * (look - ground)
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8), coverage > 0


def _pose(rng: np.random.Generator) -> Figure:
    """An animal that looks to the right, its torso of length 1 about 0."""
    girth, slim, reach = rng.uniform(0.165, 0.21), rng.uniform(0.85, 1.2), rng.uniform(0.26, 0.48)
    axis = _climb(rng.uniform(-14, 14))
    hip, shoulder = -0.31 * axis, 0.31 * axis
    lift = rng.uniform(-40, -15) if rng.random() < 0.25 else rng.uniform(25, 72)  # a quarter of them graze
    gaze = 0.3 * lift - rng.uniform(25, 45)
    withers = shoulder - 0.06j
    poll = withers + (reach + girth) * axis * _climb(lift)
    nose = axis * _climb(gaze)
    dock = hip - (0.7 * girth + 0.05j) * axis
    tail = dock + rng.uniform(0.12, 0.2) * _climb(rng.uniform(170, 250))

    ends: list[tuple[complex, complex]] = []
    radii: list[tuple[float, float]] = []

    def chain(points: list[complex], widths: list[float]) -> None:
        ends.extend(pairwise(points))
        radii.extend(pairwise(widths))

    chain([hip, 0.015j, shoulder], [girth, 0.94 * girth, girth])
    chain([withers, poll], [0.72 * girth, 0.08 * slim])
    chain([poll, poll + rng.uniform(0.2, 0.3) * nose], [0.09 * slim, 0.055 * slim])
    for turn in (75, 115):
        chain([poll, poll + 0.15 * nose * _climb(turn)], [0.035, 0.014])
    chain([dock, tail, tail + 1j * rng.uniform(0.15, 0.3)], [0.03, 0.024, 0.042])
    level = 1j * rng.uniform(0.5, 0.7)
    strides = rng.uniform(0.05, 0.24, 2) * rng.choice([-1, 1], 2)
    for swings in (strides, -strides * rng.uniform(0.5, 1.1, 2)):  # of the near legs, then of the far legs
        for joint, bend, swing in ((hip - 0.03, -0.035, swings[0]), (shoulder + 0.02, 0.025, swings[1])):
            top, hoof = joint + 0.3j * girth, joint.real + swing + level
            chain([top, (top + hoof) / 2 + bend, hoof], [0.085 * slim, 0.055 * slim, 0.046 * slim])

    far = np.arange(len(ends)) >= len(ends) - 4
    eye = poll + 0.015 * nose + 0.02 * nose * _climb(90)
    return Figure(np.array(ends, np.complex64), np.array(radii, np.float32), far, 0j, axis, 1.0, eye)


def _put(pose: Figure, rng: np.random.Generator) -> Figure:
    """Turn an animal to the left or right, give it a size and put it into the picture, its feet in the lower half."""
    facing, length = int(rng.choice([-1, 1])), rng.uniform(0.33, 0.48)

    def turned(step: complex) -> complex:
        return complex(facing * step.real, step.imag)

    ends, radii = length * (facing * pose.ends.real + 1j * pose.ends.imag), length * pose.radii
    low = np.array([(ends.real - radii).min(), (ends.imag - radii).min()])
    high = np.array([(ends.real + radii).max(), (ends.imag + radii).max()])
    least = np.maximum(MARGIN - low, [0, 0.5 - high[1]])
    centre = complex(*rng.uniform(least, np.maximum(least, 1 - MARGIN - high)))
    eye = centre + length * turned(pose.eye)
    return Figure((ends + centre).astype(np.complex64), radii, pose.far, centre, turned(pose.axis), length, eye)


def _climb(degrees: float) -> complex:
    """The step of length 1 that climbs by so many degrees."""
    return complex(np.exp(-1j * np.deg2rad(degrees)))


def _body(figure: Figure, places: Places) -> tuple[Floats, Floats]:
    """How much of each pixel the animal covers, and how lit it is there: both [size, size], 0 to 1."""
    size, length = len(places), np.float32(figure.length)
    blend = 0.018 * length  # over which the capsules of one side flow together: a smooth minimum -b log Σ exp(-d/b)
    flow = np.zeros((2, size, size), np.float32)
    for (start, end), (first, last), far in zip(figure.ends, figure.radii, figure.far, strict=True):
        along, offset = end - start, places - start
        share = ((offset * along.conj()).real / abs(along) ** 2).clip(0, 1)
        distance = np.abs(offset - share * along) - (first + share * (last - first))
        flow[int(far)] += np.exp(np.maximum(distance / -blend, np.float32(-60)))
    near, far_side = -blend * np.log(np.maximum(flow, np.float32(1e-30)))
    relief = [0.7 + 0.3 * np.sqrt(1 - (1 + side / (0.17 * length)).clip(0, 1) ** 2) for side in (near, far_side)]
    front = _inside(near, size)
    lit = front * relief[0] + (1 - front) * 0.72 * relief[1]
    lit *= (1 - 0.3 * (places.imag - np.float32(figure.centre.imag)) / length).clip(0.75, 1.1)
    return _inside(np.minimum(near, far_side), size), lit


def _stripes(figure: Figure, places: Places) -> Floats:
    """How much of each pixel is light stripe: [size, size], 0 to 1."""
    period = PERIOD * figure.length
    across = np.complex64(figure.axis * np.exp(-1j * LEAN * np.sign(figure.axis.real)))
    wave = np.cos(2 * np.pi / period * ((places - np.complex64(figure.centre)) * across.conj()).real)
    return _inside(-wave * np.float32(period / (2 * np.pi)), len(places))


def _inside(distance: Floats, size: int) -> Floats:
    """How much of a pixel lies inside an edge, from the distance to it (negative inside) in picture widths."""
    return (np.float32(0.5) - distance * np.float32(size)).clip(0, 1)


def _coat(rng: np.random.Generator, around: Floats) -> Floats:
    """A colour [3] that stands out from those around [n, 3]: chestnut to cream for most, any hue for some."""
    while True:
        hue = rng.uniform(0.01, 0.13) if rng.random() < 0.6 else rng.random()
        saturation, value = rng.uniform(0.15, 0.75), rng.uniform(0.4, 0.88)
        wheel = np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
        colour: Floats = (value * (1 - saturation * (1 - wheel.clip(0, 1)))).astype(np.float32)
        if np.linalg.norm(colour - around, axis=1).min() > 0.32:
            return colour


def _ground(rng: np.random.Generator, size: int, figure: Figure) -> tuple[Floats, Floats]:
    """Sky, hills and land with the animal's shadow [size, size, 3], and the colours around the animal [2, 3]."""
    rows = LANDS.split()
    first = 4 * rng.integers(len(rows) // 4)
    colours = np.array([list(bytes.fromhex(row)) for row in rows[first : first + 4]]) / 255
    colours = (colours + rng.normal(0, 0.03, (4, 3)) + rng.normal(0, 0.04)).clip(0, 1).astype(np.float32)
    zenith, haze, distant, close = colours

    feet = float((figure.ends.imag + figure.radii).max())
    horizon = rng.uniform(0.2, feet - 0.12)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    down = line[:, None, None]
    sky = zenith + (haze - zenith) * (down / horizon).clip(0, 1)
    clouds = (0.5 * _noise(rng, size, 5, 3) + 0.3 * _noise(rng, size, 10, 6) + rng.uniform(-0.6, 0.1)).clip(0, 1)
    sky = sky + (0.97 - sky) * (clouds * rng.uniform(0.4, 0.9))[..., None]

    ridge = horizon - rng.uniform(0.02, 0.14) - 0.035 * _noise(rng, size, 1, 5)[:1]
    edge = horizon - 0.012 * _noise(rng, size, 1, 4)[:1]
    hills = haze + (distant - haze) * rng.uniform(0.35, 0.7) - np.float32(0.05)
    picture = sky + (hills - sky) * _inside(ridge - line[:, None], size)[..., None]
    relief = 0.05 * _noise(rng, size, 6, 4) + 0.03 * _noise(rng, size, 20, 14) + 0.035 * _noise(rng, size, 48, 40)
    land = distant + (close - distant) * ((down - horizon) / (1 - horizon)).clip(0, 1)
    land = land * (1 + relief * rng.uniform(0.5, 1.2))[..., None]
    below, beside = (line[:, None] - feet) / 0.05, (line - figure.centre.real) / 0.6
    shadow = 0.45 * np.exp(-((below / figure.length) ** 2) - (beside / figure.length) ** 2)
    land = land * (1 - shadow[..., None])
    picture += (land - picture) * _inside(edge - line[:, None], size)[..., None]
    return picture, np.stack([haze, (distant + close) / 2])


def _noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Floats:
    """Soft noise [size, size] of mean 0 and deviation about 1, with so many bumps down and across."""
    lattice = rng.normal(0, 2, (rows + 3, columns + 3)).astype(np.float32)
    noise: Floats = _spline(size, rows) @ lattice @ _spline(size, columns).T
    return noise


@cache
def _spline(size: int, cells: int) -> Floats:
    """What each of cells + 3 knots weighs in each pixel: the uniform cubic B-spline, [size, cells + 3]."""
    place = (np.arange(size) + 0.5) / size * cells
    away = np.abs(place[:, None] - np.arange(-1, cells + 2))
    weights = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, (2 - away).clip(0) ** 3 / 6)
    return weights.astype(np.float32)
