"""Metrics of images [N, C, H, W] in [-1, 1] that need no feature extractor."""

import torch
import torch.nn.functional as F
from torch import Tensor

_INVISIBLE_AMPLITUDE = 1 / 255  # of a pattern that rounding to 8 bits, in steps of 2/255, would hide
_WINDOW_RADIUS, _WINDOW_SIGMA = 5, 1.5  # pixels; SSIM's Gaussian window has 11×11
_C1, _C2 = 0.01**2, 0.03**2  # SSIM's (K₁L)² and (K₂L)² for values of the range L = 1


@torch.no_grad()
def diversity(images: Tensor) -> float:
    """Return the root mean square difference per value between two of the images, over all pairs.

    It is 0 where all images are the same, 0.82 where every value is uniform in [-1, 1], and 2 between an image and its
    negative. It equals the root of twice the pixels' variance over the images, so no pairs have to be formed.

    Args:
        images: [N, C, H, W], N of 2 or more.
    """
    return (2 * images.cpu().double().var(0).mean()).sqrt().item()


@torch.no_grad()
def checkerboard(images: Tensor) -> float:
    """Return how far the spectrum stands out at the frequencies of upsampling by two: around 1 where it does not.

    A transposed convolution of stride 2 computes its even and its odd rows with different weights, which leaves a
    pattern of 1/2 cycle per pixel, and of 1/4 if another doubling follows, in rows, columns or both (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard). Noise and fine textures have energy there as well, but as much
    nearby. So each such bin of the mean power spectrum is divided by the geometric mean of its neighbours on the same
    row and the same column, up to 1/8 cycle away, and the quotients are averaged. Bins on an axis are compared along
    that axis only, where edges and the frame put energy. What eight bits would hide does not count.

    Args:
        images: [N, C, H, W] in [-1, 1], 8 pixels high and wide or more, best 64 or more of them: the spectrum of a few
            is rough, and its quotients are higher.
    """
    height, width = (size // 4 * 4 for size in images.shape[2:])
    cropped = images[:, :, :height, :width].float()
    spectra = torch.fft.fft2(cropped, norm="ortho")
    power = spectra.abs().square().mean((0, 1)).cpu().double() + _INVISIBLE_AMPLITUDE**2 * height * width
    bins = [(row * height // 4, column * width // 4) for row in range(4) for column in range(4) if row or column]
    return torch.stack([_prominence(power, row, column) for row, column in bins]).mean().item()


def _prominence(power: Tensor, row: int, column: int) -> Tensor:
    """A bin of a power spectrum [H, W] over the geometric mean of its neighbours along each axis that it is not on."""
    height, width = power.shape
    neighbours = []
    if row:
        neighbours += [power[(row + offset) % height, column] for offset in _offsets(height)]
    if column:
        neighbours += [power[row, (column + offset) % width] for offset in _offsets(width)]
    return power[row, column] / torch.stack(neighbours).log().mean().exp()


def _offsets(size: int) -> list[int]:
    """From a bin to its neighbours up to 1/8 cycle away, itself left out."""
    return [sign * distance for distance in range(1, size // 8 + 1) for sign in (-1, 1)]


@torch.no_grad()
def psnr(images: Tensor, targets: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image to its target, in dB; infinite where they are equal.

    Args:
        images: [N, C, H, W] in [-1, 1].
        targets: of the same shape and range.

    Returns:
        [N], float64.
    """
    error = (images.cpu().double() - targets.cpu().double()).square().flatten(1).mean(1)
    return 10 * (4 / error).log10()


@torch.no_grad()
def ssim(images: Tensor, targets: Tensor) -> Tensor:
    """Return the structural similarity of each image to its target (Wang et al. 2004, equation 13), 1 for equals.

    Each channel is compared by itself, under Gaussian windows of 11×11 pixels with σ = 1.5; borders are reflected.
    Values are moved to [0, 1], as the luminance term is meant for light and knows no negative values. All is computed
    in float64, because flat windows have variances in the order of float32's rounding.

    Args:
        images: [N, C, H, W] in [-1, 1], 6 pixels high and wide or more.
        targets: of the same shape and range.

    Returns:
        [N], float64, from -1 to 1.
    """
    padding = 4 * [_WINDOW_RADIUS]
    x, y = (F.pad((values.cpu().double() + 1) / 2, padding, mode="reflect") for values in (images, targets))
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = (_windowed(x * x) - mean_x.square()).clamp(min=0)
    variance_y = (_windowed(y * y) - mean_y.square()).clamp(min=0)
    covariance = _windowed(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return (luminance * structure).flatten(1).mean(1)


def _windowed(values: Tensor) -> Tensor:
    """The Gaussian-weighted mean around every pixel: [N, C, H + 10, W + 10] → [N, C, H, W]."""
    offsets = torch.arange(-_WINDOW_RADIUS, _WINDOW_RADIUS + 1, dtype=values.dtype)
    window = torch.softmax(-(offsets / _WINDOW_SIGMA).square() / 2, 0)
    planes = values.flatten(0, 1)[:, None]
    means = F.conv2d(F.conv2d(planes, window[None, None, :, None]), window[None, None, None, :])
    return means.view(*values.shape[:2], *means.shape[2:])
