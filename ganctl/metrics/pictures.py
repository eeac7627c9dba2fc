"""Figures of pictures [N, C, H, W] in [-1, 1] that need no features."""

from typing import cast

import torch
from torch import Tensor

_UNSEEN = 1 / 255  # the amplitude of a pattern that rounding to levels, 2/255 apart, would hide


@torch.no_grad()
def diversity(pictures: Tensor) -> float:
    """How far two of the pictures are from each other: the root mean square difference per value, over all pairs.

    0 where all are the same, 0.82 where every value is drawn evenly from [-1, 1], 2 between a picture and its negative.
    It is the root of twice the pixels' variance over the pictures, which takes no pairs to compute.

    Args:
        pictures: [N, C, H, W], N of 2 or more.
    """
    return (2 * pictures.cpu().double().var(0).mean()).sqrt().item()


@torch.no_grad()
def checkerboard(pictures: Tensor) -> float:
    """How far the spectrum stands out at the frequencies of upsampling by two: around 1 or less where it does not.

    A transposed convolution of stride 2 draws its even and its odd rows with other weights, which leaves a pattern of
    1/2 cycle per pixel, and of 1/4 if another doubling follows, in rows, columns or both (Odena et al. 2016,
    https://distill.pub/2016/deconv-checkerboard). Noise and fine textures have energy there as well, but as much
    nearby. So each such bin of the pictures' mean power spectrum is divided by the geometric mean of its neighbours
    on the same row and the same column, up to 1/8 cycle away, and the quotients are averaged. Neighbours on the axes
    are taken on the axes only, where edges and the frame put energy. What eight bits would hide does not count.

    Args:
        pictures: [N, C, H, W] in [-1, 1], 8 pixels high and wide or more, best 64 or more of them: of few, the
            spectrum is rough and its quotients are higher.
    """
    rows, columns = (side // 4 * 4 for side in pictures.shape[2:])
    cut = pictures[:, :, :rows, :columns].float()
    spectra = torch.fft.fft2(cut, norm="ortho")
    power = spectra.abs().square().mean((0, 1)).cpu().double() + _UNSEEN**2 * rows * columns
    places = [(row, column) for row in range(4) for column in range(4) if row or column]
    quotients = [_prominence(power, row * rows // 4, column * columns // 4) for row, column in places]
    return torch.stack(quotients).mean().item()


def _prominence(power: Tensor, row: int, column: int) -> Tensor:
    """A bin of a power spectrum [H, W] over the geometric mean of its neighbours along each axis that it is not on."""
    rows, columns = power.shape
    around = []
    if row:
        around += [power[(row + step) % rows, column] for step in _steps(rows)]
    if column:
        around += [power[row, (column + step) % columns] for step in _steps(columns)]
    return power[row, column] / torch.stack(around).log().mean().exp()


def _steps(side: int) -> list[int]:
    """From a bin to its neighbours up to 1/8 cycle away, itself left out."""
    return [sign * size for size in range(1, side // 8 + 1) for sign in (-1, 1)]


@torch.no_grad()
def psnr(pictures: Tensor, others: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of each picture to its counterpart, in dB; infinite where they are equal.

    Args:
        pictures: [N, C, H, W] in [-1, 1].
        others: of the same shape and range.

    Returns:
        [N], float64.
    """
    error = (pictures.cpu().double() - others.cpu().double()).square().flatten(1).mean(1)
    return 10 * (4 / error).log10()


@torch.no_grad()
def ssim(pictures: Tensor, others: Tensor) -> Tensor:
    """The structural similarity of each picture to its counterpart (Wang et al. 2004), 1 where they are equal.

    Windows are Gaussian, of 11 pixels and a deviation of 1.5. Values are moved to [0, 1], as the measure of luminance
    in it is meant for light and knows no negative values; float64, because windows of one level have variances in the
    order of float32's rounding.

    Args:
        pictures: [N, C, H, W] in [-1, 1], 11 pixels high and wide or more.
        others: of the same shape and range.

    Returns:
        [N], float64, from -1 to 1.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # two seconds

    found = structural_similarity_index_measure(
        (pictures.cpu().double() + 1) / 2, (others.cpu().double() + 1) / 2, reduction="none", data_range=1.0
    )
    return cast("Tensor", found)
