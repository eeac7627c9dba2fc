"""Differentiable augmentation, for few training images (DiffAugment, Zhao et al. 2020, https://arxiv.org/abs/2006.10738).

The discriminator sees every image, real or generated, only through a random transformation T: it cannot memorise the
training images, and as the generator's gradient flows back through T, the generator does not learn T (equations 4 and
5). Each call samples a new T for each image, from torch's global generator.

Images are [N, C, H, W]. What is shifted in or cut out is 0, the middle of [-1, 1], as in the authors' code; nothing is
clamped, so that no gradient vanishes, and values may leave [-1, 1]. All can be differentiated twice, as R1 needs.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Augmentation = Callable[[Tensor], Tensor]


def augmentation(name: str) -> Augmentation:
    """Return the augmentation of a name: ``none``, or the policy ``diffaug``.

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


def identity(images: Tensor) -> Tensor:
    """Return the very same tensor, without a random number."""
    return images


def diffaug(images: Tensor) -> Tensor:
    """Apply the paper's strongest policy: colour, then translation, then cutout (section 4)."""
    return random_cutout(random_translation(random_color(images)))


def random_color(images: Tensor, brightness: float = 0.5, saturation: float = 1.0, contrast: float = 0.5) -> Tensor:
    """Change brightness, saturation and contrast, each by a random amount up to the given one; 0 leaves it alone.

    Args:
        images: values in [-1, 1].
        brightness: a number in [-brightness, brightness] is added.
        saturation: the distance from the pixel's grey is multiplied by 1 ± saturation; grey images have none.
        contrast: the distance from the image's mean is multiplied by 1 ± contrast.
    """
    images = images + _uniform(images, brightness)
    if images.shape[1] > 1:
        images = images.mean(1, keepdim=True).lerp(images, 1 + _uniform(images, saturation))
    return images.mean((1, 2, 3), keepdim=True).lerp(images, 1 + _uniform(images, contrast))


def random_translation(images: Tensor, ratio: float = 1 / 8) -> Tensor:
    """Shift each image by whole pixels, at most `ratio` of its height and width; what is shifted in is 0."""
    count, channels, height, width = images.shape
    rows, columns = (_shifted_indices(images, size, ratio) for size in (height, width))
    inside = _outer_and(*((indices >= 0) & (indices < indices.shape[1]) for indices in (rows, columns)))
    # Wrapped round, then masked: every pixel is read once, so that the backward pass adds nothing up.
    first = torch.arange(0, count * height * width, height * width, device=images.device)[:, None, None]
    flat = first + (rows % height * width)[:, :, None] + (columns % width)[:, None, :]
    pixels = images.movedim(1, -1).flatten(0, 2)  # [N·H·W, C], a view where memory is channels-last
    rolled = pixels.index_select(0, flat.flatten()).view(count, height, width, channels).movedim(-1, 1)
    return rolled * inside


def random_cutout(images: Tensor, ratio: float = 1 / 2) -> Tensor:
    """Set a rectangle of `ratio` of the height and width to 0; its centre is anywhere, so the edge may clip it."""
    return images * ~_outer_and(*(_random_interval(images, size, ratio) for size in images.shape[2:]))


def _uniform(images: Tensor, bound: float) -> Tensor:
    """A uniform number in [-bound, bound] for each image: [N, 1, 1, 1]."""
    return bound * (2 * torch.rand(len(images), 1, 1, 1, device=images.device).to(images.dtype) - 1)


def _shifted_indices(images: Tensor, size: int, ratio: float) -> Tensor:
    """For each image, the index along one axis that every pixel comes from: [N, size], some of them outside."""
    max_shift = int(size * ratio)
    shift = torch.randint(-max_shift, max_shift + 1, (len(images), 1), device=images.device)
    return torch.arange(size, device=images.device) + shift


def _random_interval(images: Tensor, size: int, ratio: float) -> Tensor:
    """For each image, whether the cutout covers an index along one axis: [N, size] of bool."""
    length = int(size * ratio)
    centre = torch.randint(size + 1 - length % 2, (len(images), 1), device=images.device)
    offset = torch.arange(size, device=images.device) - centre + length // 2
    return (offset >= 0) & (offset < length)


def _outer_and(rows: Tensor, columns: Tensor) -> Tensor:
    """Where both hold: [N, H] and [N, W] of bool → [N, 1, H, W]."""
    return rows[:, None, :, None] & columns[:, None, None, :]
