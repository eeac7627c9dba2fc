"""`digits`: 70,000 handwritten-looking digits that ganctl generates itself, so nothing is downloaded.

Every digit has a few *hands* (a seven with or without its bar). A hand is some extreme *forms* of one pen
path, and a writer is a random mixture of them. The control points are then shaken, joined by a Catmull-Rom
spline, slanted, fitted to MNIST's 20×20 box and inked. The forms were designed by eye; no pixel is MNIST's.
"""

import re
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

VERSION = 1
"""Raised whenever the pictures change; part of the cache key."""

COUNTS = {"train": 60_000, "test": 10_000}
"""Pictures in each split."""

SIZE = 28  # width and height in pixels
BOX = 20.0  # width or height of the ink in pixels, whichever is larger, as in MNIST
BLOCK = 500  # pictures generated from one seed: divides every count, and holds each digit equally often

PEN_RADIUS = 1.2  # half the width of a typical stroke, in pixels
SAMPLE_SPACING = 0.8  # pixels of pen path between two samples
BLUR = 0.6  # pixels over which the ink of neighbouring samples flows together
EDGE = 1.25  # pixels from full ink to none

# Digit, how often this hand writes it, and the forms of the hand, one a line: points x,y in percent of the
# digit's height (x to the right, y down). "/" lifts the pen; "!" marks a corner. The forms of one hand have
# the same number of points, so that they can be mixed.
HANDS = """
0 80%  40,3 14,18 4,52 16,88 40,98 64,82 72,50 62,16 40,3 28,8
       54,4 22,12 6,48 20,88 50,97 82,84 94,48 80,12 50,2 36,10
       36,1 16,20 8,56 18,90 32,99 48,86 56,52 52,18 36,2 22,16
0 20%  26,12 10,32 4,60 18,92 42,98 66,82 74,46 58,12 34,2 20,14 34,24
       30,2 10,24 4,58 20,94 46,98 72,80 78,46 66,14 44,8 26,14 20,24
1 76%  30,0 30,50 30,100
       34,0 29,50 32,100
       28,0 32,50 27,100
1 14%  10,24 24,14 36,1! 35,50 34,100
       20,16 28,10 36,1! 36,50 35,100
1 10%  8,26 22,16 34,2! 33,50 32,97 / 4,98 32,97 62,97
       16,16 26,10 34,2! 33,50 32,96 / 12,97 32,96 52,97
2 50%  6,20 22,3 48,3 58,24 40,58 6,95! 36,93 76,95
       4,10 26,2 56,8 56,30 34,60 8,94! 38,97 70,90
       10,28 18,6 44,0 60,20 46,54 12,92! 40,88 80,98
2 50%  8,24 24,4 50,4 58,28 42,64 20,92 5,90 12,78 36,88 74,95
       4,16 24,1 52,6 54,32 36,68 14,96 2,84 16,74 40,90 72,88
       12,30 22,6 46,2 56,26 46,60 26,90 8,98 6,84 34,84 80,98
3 70%  6,14 28,1 52,8 50,32 24,47! 54,53 62,76 44,96 18,99 2,86
       4,6 34,1 56,12 46,34 22,45! 50,52 66,72 50,94 20,98 0,92
       10,20 26,3 48,4 52,30 32,48! 50,52 58,78 40,98 16,97 4,80
3 20%  6,5 32,4 60,3! 46,22 28,40! 54,48 62,74 42,97 4,92
       8,8 30,5 56,4! 44,24 32,38! 52,46 58,78 34,99 0,88
3 10%  6,14 28,1 52,10 48,34 34,49 24,46 32,43 54,54 62,76 44,96 18,99 2,86
       4,8 30,2 54,12 46,36 30,52 20,46 32,40 52,50 64,74 48,95 20,98 0,90
4 50%  14,6 9,30 7,54! 34,55 72,50 / 56,8 52,50 46,100
       20,2 12,26 2,50! 36,54 66,50 / 58,2 50,50 44,100
       8,4 8,34 16,52! 40,50 62,46 / 58,4 57,50 55,100
4 25%  50,1 26,32 3,64! 40,65 78,62 / 50,1 50,50 50,100
       46,3 24,30 8,60! 36,60 66,58 / 46,3 45,50 42,100
4 25%  16,4 6,32 16,52 40,48 60,30! 60,6! 53,50 46,100
       12,8 8,38 24,56 44,50 58,34! 60,8! 56,52 52,100
5 55%  20,8 17,26 14,44! 38,38 60,54 58,82 34,98 4,90 / 20,8 46,7 76,2
       24,4 18,24 12,48! 36,42 56,54 58,80 38,99 8,94 / 22,6 46,3 70,6
5 33%  74,4 48,6 24,6! 16,42! 40,38 62,54 58,82 32,98 2,90
       66,2 44,3 22,8! 12,46! 36,42 56,56 56,82 34,98 6,94
5 12%  68,4 40,5 20,18 26,40 48,56 56,78 36,97 4,90
       76,2 44,6 20,24 34,42 56,58 54,82 30,99 2,86
6 100% 50,1 26,20 8,54 10,84 34,99 58,84 54,62 34,56 12,76
       36,0 20,28 6,66 18,96 46,96 62,76 48,58 26,66 14,88
       60,4 30,18 6,50 8,86 34,98 54,82 48,60 28,58 10,72
       26,0 16,30 8,66 18,96 44,94 58,72 44,54 24,64 12,82
7 50%  4,12 32,8 66,4! 48,44 32,99
       2,6 34,6 68,3! 54,46 46,100
       6,15 34,9 72,3! 44,38 22,99
7 30%  4,24 8,8! 36,8 66,4! 46,44 34,99
       6,30 6,10! 38,3 68,8! 56,48 48,100
7 20%  4,10 34,7 66,4! 48,44 34,99 / 18,52 42,50 66,47
       2,8 32,4 62,8! 46,46 26,99 / 20,48 38,50 60,52
8 80%  58,10 34,0 12,16 24,38 48,58 56,80 34,99 8,84 18,60 42,40 60,20 54,5
       52,14 32,2 14,18 22,38 42,56 50,80 30,99 10,84 18,62 40,42 58,20 70,2
       64,6 34,0 8,18 22,40 52,58 64,80 36,99 8,86 16,62 40,44 56,26 58,12
8 20%  36,2 14,12 14,34 34,46 54,36 56,14 34,1 / 34,46 8,60 8,88 34,99 60,88 58,60 34,46
       32,3 14,16 18,36 34,46 50,34 50,14 30,2 / 34,46 14,64 10,86 30,99 50,88 52,62 32,46
9 70%  58,14 36,2 12,16 8,42 28,52 48,38 58,14! 55,54 50,100
       54,8 28,2 8,22 10,46 32,50 52,32 56,8! 48,56 36,100
       62,22 44,2 18,8 6,34 24,48 50,36 62,18! 58,58 54,100
9 30%  58,14 36,2 12,14 8,38 28,48 48,36 58,12! 60,56 48,92 24,99 6,88
       54,10 32,2 12,18 12,42 32,48 50,32 56,8! 54,60 40,94 20,99 2,92
"""


class Hand(NamedTuple):
    """One way to write a digit, and the matrices that turn its K control points into S samples of a pen path.

    `smooth @ points + roundness * rounding @ points` is, at 0, the samples' positions and, at 1, the steps
    from each to the next. At roundness 0 corners are sharp, at 1 they are as smooth as all else.
    """

    share: float
    forms: Floats  # [forms, K, 2], in heights of the digit
    smooth: Floats  # [2, S, K]
    rounding: Floats  # [2, S, K]
    along: Floats  # [S], from 0 where the pen lands to 1 where it lifts


def generate(split: str, start: int, stop: int) -> tuple[Bytes, Bytes]:
    """Generate the pictures `start` to `stop - 1` of a split.

    Picture `i` of a split is the same however the range is cut, and no two pictures of the set are the same.

    Args:
        split: "train" or "test".
        start: the first picture, from 0.
        stop: one past the last, at most `COUNTS[split]`.

    Returns:
        uint8 images [n, 28, 28], 0 for paper to 255 for ink, and labels [n], 0 to 9; every run of 500 pictures from
        a multiple of 500 holds each digit 50 times.

    Raises:
        ValueError: if the split is unknown or the range reaches outside it.
    """
    if split not in COUNTS:
        raise ValueError(f"digits has the splits {', '.join(COUNTS)}, not {split!r}")
    if not 0 <= start <= stop <= COUNTS[split]:
        raise ValueError(f"digits {split} has pictures 0 to {COUNTS[split]}, not {start} to {stop}")
    images = np.empty((stop - start, SIZE, SIZE), np.uint8)
    labels = np.empty(stop - start, np.uint8)
    for first in range(start - start % BLOCK, stop, BLOCK):
        in_block = slice(max(start, first) - first, min(stop, first + BLOCK) - first)
        rows = slice(in_block.start + first - start, in_block.stop + first - start)
        block_images, block_labels = _block(split, first // BLOCK)
        images[rows], labels[rows] = block_images[in_block], block_labels[in_block]
    return images, labels


def _block(split: str, index: int) -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(np.random.SeedSequence([VERSION, list(COUNTS).index(split), index]))
    labels = rng.permutation(np.arange(BLOCK) % 10).astype(np.uint8)
    images = np.empty((BLOCK, SIZE, SIZE), np.uint8)
    for digit, hands in _hands().items():
        digit_rows = np.flatnonzero(labels == digit)
        hand_numbers = rng.choice(len(hands), len(digit_rows), p=[hand.share for hand in hands])
        for number, hand in enumerate(hands):
            rows = digit_rows[hand_numbers == number]
            images[rows] = _write(hand, len(rows), rng)
    return images, labels


@cache
def _hands() -> dict[int, list[Hand]]:
    hands: dict[int, list[Hand]] = {}
    for digit, percent, forms in re.findall(r"^(\d) +(\d+)%(.*\n(?: .*\n)*)", HANDS, re.MULTILINE):
        hands.setdefault(int(digit), []).append(_hand(int(percent) / 100, forms.strip().splitlines()))
    return hands


def _hand(share: float, lines: list[str]) -> Hand:
    """Lay a Catmull-Rom spline (1974), in its cubic Hermite form, through the points of each stroke."""
    forms = np.array([re.findall(r"(\d+),(\d+)", line) for line in lines], np.float64) / 100
    count = forms.shape[1]
    corner = np.array([point.endswith("!") for point in lines[0].replace("/", "").split()])
    reach = np.linalg.norm(np.diff(forms, axis=1), axis=2).max(axis=0) * BOX
    tangent = np.zeros((count, count))
    pieces, along, first = [], [], 0
    for stroke in lines[0].split("/"):
        last = first + len(stroke.split()) - 1
        for k in range(first, last + 1):
            before, after = max(k - 1, first), min(k + 1, last)
            tangent[k, [before, after]] = np.array([-1, 1]) / (after - before)
        for k in range(first, last):
            t, weights = _hermite(1 + int(reach[k] / SAMPLE_SPACING))
            piece = np.zeros((2, 2, len(t), count))
            piece[..., [k, k + 1]] = weights
            pieces.append(piece)
            along.append((k - first + t) / (last - first))
        first = last + 1
    position, bend = np.concatenate(pieces, axis=2)
    smooth, rounding = position + (bend * ~corner) @ tangent, (bend * corner) @ tangent
    return Hand(share, forms, smooth, rounding, np.concatenate(along))


def _hermite(samples: int) -> tuple[Floats, Floats]:
    """The samples' parameters on a cubic piece, [n], and the weights of its ends there.

    The weights are [2, 2, n, 2]: of the end points and of the end tangents; in the position and in the step to
    the next sample.
    """
    t = (np.arange(samples) + 0.5) / samples
    ones, zeros = np.ones(samples), np.zeros(samples)
    powers = np.array([[t**3, t**2, t, ones], [3 * t**2 / samples, 2 * t / samples, ones / samples, zeros]])
    cubics = np.array([[[2, -3, 0, 1], [-2, 3, 0, 0]], [[1, -2, 1, 0], [1, -1, 0, 0]]])
    return t, np.einsum("kep,wpn->kwne", cubics, powers)


def _write(hand: Hand, n: int, rng: np.random.Generator) -> Bytes:
    """Write a digit as n different writers would: [n, 28, 28]."""
    # A mixture may go a quarter beyond the forms, which spreads the writers out.
    mixture = 1.25 * rng.dirichlet(np.full(len(hand.forms), 0.7), n) - 0.25 / len(hand.forms)
    points = (_shake(np.tensordot(mixture, hand.forms, 1), rng) @ _slant(n, rng))[:, None]
    path = hand.smooth @ points + rng.uniform(0.0, 0.6, (n, 1, 1, 1)) * (hand.rounding @ points)
    pen = np.clip(PEN_RADIUS * np.exp(rng.normal(0.0, 0.27, (n, 1))), 0.7, 1.8)
    size = np.ptp(path[:, 0], axis=1).max(axis=1)[:, None]
    path *= ((BOX * rng.uniform(0.92, 1.0, (n, 1)) - 2 * pen) / size)[..., None, None]
    position, step = path[:, 0], path[:, 1]
    radius = pen * _pressure(hand.along, step, rng)
    length = np.linalg.norm(step, axis=2)
    weight = length * radius
    middle = np.einsum("ns,nsd->nd", weight / weight.sum(axis=1, keepdims=True), position)
    position += (SIZE / 2 - middle + rng.uniform(-0.5, 0.5, (n, 2)))[:, None]
    position += rng.normal(0.0, 0.07, position.shape)
    return _ink(position, length, radius, pen)


def _shake(points: Floats, rng: np.random.Generator) -> Floats:
    """Bend the paper in three gentle waves and let the hand tremble: [n, K, 2] to [n, K, 2]."""
    n = len(points)
    frequency, push = rng.normal(0.0, 2.7, (n, 2, 3)), rng.normal(0.0, 0.036, (n, 3, 2))
    waves = np.sin(points @ frequency + rng.uniform(0.0, 2 * np.pi, (n, 1, 3)))
    shaken: Floats = points + waves @ push + rng.normal(0.0, 0.013, points.shape)
    return shaken


def _slant(n: int, rng: np.random.Generator) -> Floats:
    """Stretch, slant and turn: matrices [n, 2, 2] for row vectors."""
    width = np.exp(rng.normal(0.06, 0.14, n))
    slant, angle = rng.normal(0.19, 0.2, n), rng.normal(0.0, 0.09, n)
    shear = np.array([[width, np.zeros(n)], [-slant, np.ones(n)]])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrices: Floats = np.einsum("ijn,jkn->nik", shear, rotation)
    return matrices


def _pressure(along: Floats, step: Floats, rng: np.random.Generator) -> Floats:
    """The width of the stroke at each sample, about 1: [n, S]. It drifts, has a broad nib, and is rough."""
    n = len(step)
    drift = rng.normal(0.0, 0.07, (n, 3)) @ np.cos(np.pi * np.outer([1, 2, 3], along))
    heading = np.arctan2(step[..., 1], step[..., 0])
    nib = 0.1 * np.cos(2 * (heading - rng.normal(2.2, 0.5, (n, 1))))
    width: Floats = np.clip(1 + drift + nib + rng.normal(0.0, 0.06, drift.shape), 0.6, 1.5)
    return width


def _ink(position: Floats, length: Floats, radius: Floats, pen: Floats) -> Bytes:
    """Ink a disc of the given radius at each sample: positions [n, S, 2] in pixels to pictures [n, 28, 28].

    The squared distance from a pixel to the path is the smooth minimum -2σ² log Σ exp(-d²/2σ²) over samples.
    Each exp is one over x times one over y, so the sum is a matrix product.
    """
    offset = (position[..., None] - np.arange(SIZE)).astype(np.float32)
    # Beyond e^-40 there is no ink, and the product of two is not yet a denormal number, which would be slow.
    bell = np.exp(np.maximum(offset**2 / np.float32(-2 * BLUR**2), np.float32(-40)))
    share = length / (BLUR * np.sqrt(2 * np.pi)) * np.exp((radius**2 - pen**2) / (2 * BLUR**2))
    columns, rows = bell[:, :, 0], bell[:, :, 1] * share[..., None].astype(np.float32)
    total = rows.transpose(0, 2, 1) @ columns
    distance = np.sqrt(np.maximum(np.float32(-2 * BLUR**2) * np.log(total), 0))
    ink: Floats = 255 * (0.5 + (pen[..., None] - distance) / EDGE).clip(0, 1)
    return np.rint(ink).astype(np.uint8)
