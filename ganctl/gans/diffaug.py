"""Differentiable augmentation, for few pictures (DiffAugment, Zhao et al. 2020, https://arxiv.org/abs/2006.10738).

The discriminator sees every picture, real or generated, only through a random change T: it cannot learn the training
pictures by heart, and as the generator's gradient comes back through T, what T does is no part of what is learned
(equations 4 and 5). Each call draws anew, for each picture by itself, from torch's global generator.

Pictures are [N, C, H, W]. What is shifted in or cut out is 0, the middle of [-1, 1], as in the authors' code; nothing
is clamped, so that the gradient never vanishes, and values may leave [-1, 1]. All can be differentiated twice, for R1.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Augmentation = Callable[[Tensor], Tensor]


def augmentation(name: str) -> Augmentation:
    """What the discriminator's pictures go through: ``none``, or the policy ``diffaug``.

    Raises:
        ValueError: the name is neither.
    """
    match name:
        case "none":
            return identity
        case "diffaug":
            return diffaug
        case _:
            raise ValueError(f"There is no augmentation called {name}: choose none or diffaug.")


def identity(pictures: Tensor) -> Tensor:
    """The very same tensor; nothing is drawn."""
    return pictures


def diffaug(pictures: Tensor) -> Tensor:
    """The paper's strongest policy, for few pictures: colour, then translation, then cutout (section 4)."""
    return random_cutout(random_translation(random_color(pictures)))


def random_color(pictures: Tensor, brightness: float = 0.5, saturation: float = 1.0, contrast: float = 0.5) -> Tensor:
    """Other light and other colours; each number is how far the change goes either way, 0 for none.

    Args:
        pictures: values in [-1, 1].
        brightness: at most so much is added.
        saturation: the distance from the pixel's grey is multiplied by 1 ± so much; grey pictures have none.
        contrast: the distance from the picture's mean is multiplied by 1 ± so much.
    """
    pictures = pictures + _either_way(pictures, brightness)
    if pictures.shape[1] > 1:
        pictures = pictures.mean(1, keepdim=True).lerp(pictures, 1 + _either_way(pictures, saturation))
    return pictures.mean((1, 2, 3), keepdim=True).lerp(pictures, 1 + _either_way(pictures, contrast))


def random_translation(pictures: Tensor, ratio: float = 1 / 8) -> Tensor:
    """Moved by whole pixels, at most `ratio` of the side either way; what comes in is 0."""
    count, channels, height, width = pictures.shape
    rows, columns = (_shifted(pictures, side, ratio) for side in (height, width))
    inside = _both(*((at >= 0) & (at < len(at[0])) for at in (rows, columns)))
    # Round the edge, then blanked: every pixel is taken once, so that the gradient's way back adds nothing up.
    first = torch.arange(0, count * height * width, height * width, device=pictures.device)[:, None, None]
    places = first + (rows % height * width)[:, :, None] + (columns % width)[:, None, :]
    pixels = pictures.movedim(1, -1).flatten(0, 2)  # [N·H·W, C], a view where memory is channels-last
    around = pixels.index_select(0, places.flatten()).view(count, height, width, channels).movedim(-1, 1)
    return around * inside


def random_cutout(pictures: Tensor, ratio: float = 1 / 2) -> Tensor:
    """With a rectangle of `ratio` of each side set to 0, whose centre is anywhere, so that the edge may clip it."""
    return pictures * ~_both(*(_covered(pictures, side, ratio) for side in pictures.shape[2:]))


def _either_way(pictures: Tensor, most: float) -> Tensor:
    """A number in [-most, most] for each picture: [N, 1, 1, 1]."""
    return most * (2 * torch.rand(len(pictures), 1, 1, 1, device=pictures.device).to(pictures.dtype) - 1)


def _shifted(pictures: Tensor, side: int, ratio: float) -> Tensor:
    """Where each of the places along a side comes from: [N, side] whole numbers, also from beyond it."""
    most = int(side * ratio)
    shift = torch.randint(-most, most + 1, (len(pictures), 1), device=pictures.device)
    return torch.arange(side, device=pictures.device) + shift


def _covered(pictures: Tensor, side: int, ratio: float) -> Tensor:
    """Which of the places along a side a hole covers: [N, side] of bool."""
    length = int(side * ratio)
    centre = torch.randint(side + 1 - length % 2, (len(pictures), 1), device=pictures.device)
    place = torch.arange(side, device=pictures.device) - centre + length // 2
    return (place >= 0) & (place < length)


def _both(rows: Tensor, columns: Tensor) -> Tensor:
    """Where both hold: [N, H] and [N, W] of bool → [N, 1, H, W]."""
    return rows[:, None, :, None] & columns[:, None, None, :]
