"""`plain2striped`: two domains that ganctl generates itself: animals of one plain colour, and striped animals.

Every scene has a plain and a striped version, and each follows from the other. Where the plain one has the coat's
colour `p`, 0 to 1 and softly shaded, and `w` is how much of that pixel is light stripe, the striped one has

    (1 - w) · DARK_STRIPE · p + w · (LIGHT_STRIPE + (1 - LIGHT_STRIPE) · p),

which can be solved for `p`. `w` follows from the torso, which both show: the stripes lie across its axis, their upper
ends tilted back by STRIPE_TILT, a light one on its centre, and repeat after STRIPE_PERIOD of its length. Landscape and
eye are the same in both. So a translation has one right answer, and it is mirrored or cropped with the picture.

Points are complex numbers: x to the right + y down · i, from 0 to 1 across the picture.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganctl.data.sources import landscape
from ganctl.data.sources.landscape import coverage

Floats = NDArray[np.floating]
Points = NDArray[np.complex64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

VERSION = 1
"""Raised whenever the pictures change; part of the cache key."""

DOMAINS = ("plain", "striped")

COUNTS = {"train": (1000, 1000), "test": (200, 200)}
"""Pictures in each split, of each domain."""

DARK_STRIPE = 0.2  # a dark stripe is the plain colour times this
LIGHT_STRIPE = 0.45  # a light stripe is this share of white over the plain colour
STRIPE_PERIOD = 0.25  # in torso lengths: 5 to 8 pixels in a picture of 64
STRIPE_TILT = np.deg2rad(20)
MARGIN = 0.04  # of the picture, left free around the animal


class Animal(NamedTuple):
    """An animal: K tapered capsules, and what fixes its stripes."""

    ends: Points  # [K, 2]
    radii: Floats  # [K, 2], at the ends
    far: Mask  # [K], whether the capsule belongs to the legs of the far side, which lie in shade
    centre: complex  # of the torso
    axis: complex  # of the torso, towards the head; of length 1
    length: float  # of the torso
    eye: complex


def generate(split: str, domain: str, start: int, stop: int, size: int) -> Bytes:
    """Generate the pictures `start` to `stop - 1` of one domain of a split.

    Picture `i` is the same however the range is cut, and the same scene at every size. The two domains of a split
    are unpaired: they share no scene.

    Args:
        split: "train" or "test".
        domain: "plain" or "striped".
        start: the first picture, from 0.
        stop: one past the last, at most the domain's number in `COUNTS[split]`.
        size: width and height in pixels.

    Returns:
        RGB images, uint8 [n, size, size, 3].

    Raises:
        ValueError: if the split or the domain is unknown or the range reaches outside it.
    """
    return _generate(split, domain, start, stop, size, striped=domain == "striped")[0]


def truth(domain: str, start: int, stop: int, size: int) -> tuple[Bytes, Mask]:
    """Generate the right translations of the held-out pictures `start` to `stop - 1` of a domain.

    Args:
        domain: the domain of the pictures to translate, "plain" or "striped".
        start: the first picture, from 0.
        stop: one past the last, at most the domain's number in `COUNTS["test"]`.
        size: width and height in pixels.

    Returns:
        RGB images, uint8 [n, size, size, 3], and where the animal is [n, size, size], its soft edge included.
        Outside that mask they equal the pictures to translate exactly.

    Raises:
        ValueError: if the domain is unknown or the range reaches outside it.
    """
    return _generate("test", domain, start, stop, size, striped=domain == "plain")


def _generate(split: str, domain: str, start: int, stop: int, size: int, striped: bool) -> tuple[Bytes, Mask]:
    if split not in COUNTS:
        raise ValueError(f"plain2striped has the splits {', '.join(COUNTS)}, not {split!r}")
    if domain not in DOMAINS:
        raise ValueError(f"plain2striped has the domains {', '.join(DOMAINS)}, not {domain!r}")
    number = DOMAINS.index(domain)
    count = COUNTS[split][number]
    if not 0 <= start <= stop <= count:
        raise ValueError(f"plain2striped {split} {domain} has pictures 0 to {count}, not {start} to {stop}")
    images = np.empty((stop - start, size, size, 3), np.uint8)
    masks = np.empty((stop - start, size, size), np.bool_)
    for row, index in enumerate(range(start, stop)):
        rng = np.random.default_rng(np.random.SeedSequence([VERSION, list(COUNTS).index(split), number, index]))
        images[row], masks[row] = _scene(rng, size, striped)
    return images, masks


def _scene(rng: np.random.Generator, size: int, striped: bool) -> tuple[Bytes, Mask]:
    """One picture [size, size, 3] and its mask [size, size]. What is drawn from `rng` must not depend on `size`."""
    animal = _placed(_pose(rng), rng)
    feet = float((animal.ends.imag + animal.radii).max())
    background, colours_around = landscape.generate(rng, size, feet, animal.centre.real, animal.length)
    coat = _coat_colour(rng, colours_around)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    points = (line + 1j * line[:, None]).astype(np.complex64)
    opacity, shade = _body(animal, points)
    body = shade[..., None] * coat
    if striped:
        light = _light_stripes(animal, points)[..., None]
        body = (1 - light) * DARK_STRIPE * body + light * (LIGHT_STRIPE + (1 - LIGHT_STRIPE) * body)
    eye = coverage(np.abs(points - animal.eye) - 0.028 * animal.length, size)[..., None]
    body = body + eye * (0.06 - body)
    picture = background + opacity[..., None] * (body - background)
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8), opacity > 0


def _pose(rng: np.random.Generator) -> Animal:
    """An animal that looks to the right, its torso of length 1 about 0."""
    girth, slimness, reach = rng.uniform(0.165, 0.21), rng.uniform(0.85, 1.2), rng.uniform(0.26, 0.48)
    axis = _direction(rng.uniform(-14, 14))
    hip, shoulder = -0.31 * axis, 0.31 * axis
    neck_angle = rng.uniform(-40, -15) if rng.random() < 0.25 else rng.uniform(25, 72)  # a quarter of them graze
    head_angle = 0.3 * neck_angle - rng.uniform(25, 45)
    withers = shoulder - 0.06j
    poll = withers + (reach + girth) * axis * _direction(neck_angle)
    nose = axis * _direction(head_angle)
    dock = hip - (0.7 * girth + 0.05j) * axis
    tail = dock + rng.uniform(0.12, 0.2) * _direction(rng.uniform(170, 250))

    ends: list[tuple[complex, complex]] = []
    radii: list[tuple[float, float]] = []

    def add_chain(points: list[complex], widths: list[float]) -> None:
        ends.extend(pairwise(points))
        radii.extend(pairwise(widths))

    add_chain([hip, 0.015j, shoulder], [girth, 0.94 * girth, girth])
    add_chain([withers, poll], [0.72 * girth, 0.08 * slimness])
    add_chain([poll, poll + rng.uniform(0.2, 0.3) * nose], [0.09 * slimness, 0.055 * slimness])
    for ear_angle in (75, 115):
        add_chain([poll, poll + 0.15 * nose * _direction(ear_angle)], [0.035, 0.014])
    add_chain([dock, tail, tail + 1j * rng.uniform(0.15, 0.3)], [0.03, 0.024, 0.042])
    ground = 1j * rng.uniform(0.5, 0.7)
    strides = rng.uniform(0.05, 0.24, 2) * rng.choice([-1, 1], 2)
    for swings in (strides, -strides * rng.uniform(0.5, 1.1, 2)):  # of the near legs, then of the far legs
        for joint, bend, swing in ((hip - 0.03, -0.035, swings[0]), (shoulder + 0.02, 0.025, swings[1])):
            top, hoof = joint + 0.3j * girth, joint.real + swing + ground
            add_chain([top, (top + hoof) / 2 + bend, hoof], [0.085 * slimness, 0.055 * slimness, 0.046 * slimness])

    far = np.arange(len(ends)) >= len(ends) - 4
    eye = poll + 0.015 * nose + 0.02 * nose * _direction(90)
    return Animal(np.array(ends, np.complex64), np.array(radii, np.float32), far, 0j, axis, 1.0, eye)


def _placed(pose: Animal, rng: np.random.Generator) -> Animal:
    """Turn an animal to the left or right, scale it and place it in the picture, its feet in the lower half."""
    facing, length = int(rng.choice([-1, 1])), rng.uniform(0.33, 0.48)

    def mirrored(point: complex) -> complex:
        return complex(facing * point.real, point.imag)

    ends, radii = length * (facing * pose.ends.real + 1j * pose.ends.imag), length * pose.radii
    top_left = np.array([(ends.real - radii).min(), (ends.imag - radii).min()])
    bottom_right = np.array([(ends.real + radii).max(), (ends.imag + radii).max()])
    nearest = np.maximum(MARGIN - top_left, [0, 0.5 - bottom_right[1]])  # to the picture's top left corner
    centre = complex(*rng.uniform(nearest, np.maximum(nearest, 1 - MARGIN - bottom_right)))
    eye = centre + length * mirrored(pose.eye)
    return Animal((ends + centre).astype(np.complex64), radii, pose.far, centre, mirrored(pose.axis), length, eye)


def _direction(degrees: float) -> complex:
    """The vector of length 1 that climbs by so many degrees from the right."""
    return complex(np.exp(-1j * np.deg2rad(degrees)))


def _body(animal: Animal, points: Points) -> tuple[Floats, Floats]:
    """How much of each pixel the animal covers, and how lit it is there: both [size, size], 0 to 1."""
    size, length = len(points), np.float32(animal.length)
    blend = 0.018 * length  # over which near capsules flow together, and far ones: a smooth minimum -b log Σ exp(-d/b)
    total = np.zeros((2, size, size), np.float32)
    for (start, end), (first, last), far in zip(animal.ends, animal.radii, animal.far, strict=True):
        along, offset = end - start, points - start
        share = ((offset * along.conj()).real / abs(along) ** 2).clip(0, 1)
        distance = np.abs(offset - share * along) - (first + share * (last - first))
        total[int(far)] += np.exp(np.maximum(distance / -blend, np.float32(-60)))
    near_distance, far_distance = -blend * np.log(np.maximum(total, np.float32(1e-30)))
    near_relief, far_relief = (
        0.7 + 0.3 * np.sqrt(1 - (1 + distance / (0.17 * length)).clip(0, 1) ** 2)
        for distance in (near_distance, far_distance)
    )
    front = coverage(near_distance, size)
    light = front * near_relief + (1 - front) * 0.72 * far_relief
    light *= (1 - 0.3 * (points.imag - np.float32(animal.centre.imag)) / length).clip(0.75, 1.1)
    return coverage(np.minimum(near_distance, far_distance), size), light


def _light_stripes(animal: Animal, points: Points) -> Floats:
    """How much of each pixel is light stripe: [size, size], 0 to 1."""
    period = STRIPE_PERIOD * animal.length
    across = np.complex64(animal.axis * np.exp(-1j * STRIPE_TILT * np.sign(animal.axis.real)))
    wave = np.cos(2 * np.pi / period * ((points - np.complex64(animal.centre)) * across.conj()).real)
    return coverage(-wave * np.float32(period / (2 * np.pi)), len(points))


def _coat_colour(rng: np.random.Generator, colours_around: Floats) -> Floats:
    """A colour [3] that stands out from those around [n, 3]: chestnut to cream for most, any hue for some."""
    while True:
        hue = rng.uniform(0.01, 0.13) if rng.random() < 0.6 else rng.random()
        saturation, value = rng.uniform(0.15, 0.75), rng.uniform(0.4, 0.88)
        wheel = np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
        colour: Floats = (value * (1 - saturation * (1 - wheel.clip(0, 1)))).astype(np.float32)
        if np.linalg.norm(colour - colours_around, axis=1).min() > 0.32:
            return colour
