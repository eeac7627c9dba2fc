"""Convert images: any Pillow mode to 8-bit RGB, transparent pixels to opaque colours, one size to another."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any Pillow mode to 8-bit RGB, compositing transparency over white. See `to_eight_bits`."""
    image = to_eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert an image with 16 or 32 bits a channel to 8-bit grey; return any other as it is.

    White is 65,535 in 16-bit grey. 32-bit integers and floats do not say what their white is, so it is the smallest of
    1 (floats only), 255 and 65,535 that no pixel exceeds.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0, posinf=0, neginf=0)
    candidates = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
    white = next((value for value in candidates if values.max() <= value), values.max())
    grey = Image.fromarray((values.clip(0) * (255 / white)).round().astype(np.uint8))
    transparent = image.info.get("transparency")  # the grey value that a PNG declares transparent
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def fill_transparent(image: Image.Image) -> Image.Image:
    """Give an RGBA image's fully transparent pixels the colours around them, from ever coarser copies of it."""
    filled = image.copy()
    filled.putalpha(image.getchannel("A").point(lambda alpha: 255 if alpha else 0))
    if max(image.size) == 1:
        return filled
    half = filled.resize([-(-length // 2) for length in filled.size], Image.Resampling.BOX)
    return Image.alpha_composite(fill_transparent(half).resize(filled.size, Image.Resampling.BILINEAR), filled)


def resize_shorter_side(image: Image.Image, size: int, max_megapixels: float) -> Image.Image:
    """Resize an image, keeping its aspect, so that its shorter side has `size` pixels.

    Raises:
        OSError: it would have more pixels than allowed.
    """
    factor = size / min(image.size)
    width, height = (max(1, round(length * factor)) for length in image.size)
    if width * height > max_megapixels * 1e6:
        raise OSError(f"resized to {width}×{height} it has more than {max_megapixels:g} megapixels")
    return image.resize((width, height), Image.Resampling.LANCZOS)


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize uint8 images [N, H, W, C] to [N, size, size, C], antialiased."""
    import torch  # which films, for one, do without
    from torchvision.transforms.v2.functional import resize as resize_tensor

    if images.shape[1:3] == (size, size):
        return images
    tensor = torch.tensor(images).permute(0, 3, 1, 2)
    resized: NDArray[np.uint8] = resize_tensor(tensor, [size, size], antialias=True).permute(0, 2, 3, 1).numpy()
    return resized
