"""Reading pictures of any format and mode."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

ENDINGS = Image.registered_extensions()  # which also loads Pillow's readers
_READERS = tuple(sorted(set(Image.OPEN) - {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}))  # stubs; EPS runs a program
FORMATS = frozenset(ending for ending, form in ENDINGS.items() if form in _READERS)


def read_square(path: Path, size: int) -> tuple[NDArray[np.uint8], int]:
    """A picture of any format and mode as RGB: turned by its EXIF, centre-cropped, resized.

    Transparency is laid on white; of an animation it is the first frame.

    Returns:
        levels [size, size, 3], and the picture's own shorter side in pixels.

    Raises:
        OSError: Pillow cannot read it; what it says is the reason, without the path.
    """
    try:
        with Image.open(path, formats=_READERS) as file:
            shorter = min(file.size)
            file.draft("RGB", (2 * size, 2 * size))
            picture = ImageOps.fit(to_rgb(ImageOps.exif_transpose(file)), (size, size), Image.Resampling.LANCZOS)
    except UnidentifiedImageError:
        raise OSError("it is no picture") from None
    except Exception as error:  # on malformed files Pillow's readers raise anything, IndexError and struct.error too
        raise OSError(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None
    return np.asarray(picture), shorter


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any Pillow mode as 8-bit RGB.

    Transparency is laid on white. White is 65,535 in 16-bit grey; 32-bit and real numbers do not say what their
    white is, so it is the least of 1 (real numbers only), 255 and 65,535 that no pixel exceeds.
    """
    if picture.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64), nan=0, posinf=0, neginf=0)
        usual = {"I": (255, 65535), "F": (1, 255, 65535)}.get(picture.mode, (65535,))
        white = next((level for level in usual if values.max() <= level), values.max())
        picture = Image.fromarray((values.clip(0) * (255 / white)).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Square pictures [n, h, w, channels] at another side, antialiased."""
    from torchvision.transforms.v2.functional import resize as resized

    if images.shape[1:3] == (size, size):
        return images
    tensor = torch.tensor(images).permute(0, 3, 1, 2)
    result: NDArray[np.uint8] = resized(tensor, [size, size], antialias=True).permute(0, 2, 3, 1).numpy()
    return result
