"""Reading pictures of any format and mode."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

ENDINGS = Image.registered_extensions()  # which also loads Pillow's readers
_READERS = tuple(sorted(set(Image.OPEN) - {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}))  # stubs; EPS runs a program
FORMATS = frozenset(ending for ending, form in ENDINGS.items() if form in _READERS)
_TOO_MANY = "it has more pixels than is safe, as a decompression bomb has"


@dataclass(frozen=True)
class Picture:
    """A picture as it is displayed.

    Attributes:
        levels: its colours [H, W, 3].
        alpha: its opacity [H, W]; None where it has no transparency.
        profile: the ICC profile of the colours, where the file has one of RGB.
    """

    levels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    profile: bytes | None = None


def read(path: Path, shorter: int | None = None) -> Picture:
    """A picture of any format and mode, turned by its EXIF; of an animation the first frame.

    Colours are not laid on anything. Where nothing of them is seen, editors leave black, white or leftovers, which
    would be edges to a net and weigh in its statistics: there the colours around go on instead.

    Args:
        path: the file.
        shorter: resize it so that the shorter side has so many pixels.

    Raises:
        OSError: Pillow cannot read it, or it has more pixels than is safe; what it says is the reason, without the
            path.
    """
    with warnings.catch_warnings(action="ignore"), opened(path) as file:  # Pillow warns of odd metadata, and of bombs
        if not _is_safe(*file.size):
            raise OSError(_TOO_MANY)
        picture = _to_eight_bits(ImageOps.exif_transpose(file))
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        if shorter is not None:
            picture = _resized(picture, shorter)
        profile = file.info.get("icc_profile")
    levels = np.asarray(picture)
    kept = profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None
    if picture.mode == "RGB":
        return Picture(levels, profile=kept)
    alpha = levels[..., 3]
    continued = np.asarray(_continued(picture))[..., :3]
    return Picture(np.where(alpha[..., None] == 0, continued, levels[..., :3]), alpha, kept)


def has_alpha(path: Path) -> bool:
    """Whether a picture has transparency, from the head of its file; False where it cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), opened(path) as file:
            return file.has_transparency_data
    except OSError:
        return False


def read_square(path: Path, size: int) -> tuple[NDArray[np.uint8], int]:
    """A picture of any format and mode as RGB: turned by its EXIF, centre-cropped, resized.

    Transparency is laid on white; of an animation it is the first frame.

    Returns:
        levels [size, size, 3], and the picture's own shorter side in pixels.

    Raises:
        OSError: Pillow cannot read it; what it says is the reason, without the path.
    """
    with opened(path) as file:
        shorter = min(file.size)
        file.draft("RGB", (2 * size, 2 * size))
        picture = ImageOps.fit(to_rgb(ImageOps.exif_transpose(file)), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(picture), shorter


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any Pillow mode as 8-bit RGB.

    Transparency is laid on white. White is 65,535 in 16-bit grey; 32-bit and real numbers do not say what their
    white is, so it is the least of 1 (real numbers only), 255 and 65,535 that no pixel exceeds.
    """
    picture = _to_eight_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture file, and an OSError without the path for whatever goes wrong inside."""
    try:
        with Image.open(path, formats=_READERS) as file:
            yield file
    except UnidentifiedImageError:
        raise OSError("it is no picture") from None
    except Image.DecompressionBombError:
        raise OSError(_TOO_MANY) from None
    except Exception as error:  # on malformed files Pillow's readers raise anything, IndexError and struct.error too
        raise OSError(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture, dtype=np.float64), nan=0, posinf=0, neginf=0)
    usual = {"I": (255, 65535), "F": (1, 255, 65535)}.get(picture.mode, (65535,))
    white = next((level for level in usual if values.max() <= level), values.max())
    grey = Image.fromarray((values.clip(0) * (255 / white)).round().astype(np.uint8))
    hidden = picture.info.get("transparency")  # the level that PNG lets stand for nothing
    if isinstance(hidden, int):
        grey.putalpha(Image.fromarray(np.where(values == hidden, 0, 255).astype(np.uint8)))
    return grey


def _is_safe(width: int, height: int) -> bool:
    """Whether a picture is no larger than Pillow takes without a warning: 89 megapixels."""
    return Image.MAX_IMAGE_PIXELS is None or width * height <= Image.MAX_IMAGE_PIXELS


def _resized(picture: Image.Image, shorter: int) -> Image.Image:
    factor = shorter / min(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    if not _is_safe(width, height):
        raise OSError(f"resized to {width}×{height} it has more pixels than is safe")
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _continued(picture: Image.Image) -> Image.Image:
    """A picture [RGBA] whose unseen pixels have the colours around them, from ever coarser copies of it."""
    seen = picture.copy()
    seen.putalpha(picture.getchannel("A").point(lambda level: 255 if level else 0))
    if max(picture.size) == 1:
        return seen
    coarser = seen.resize([-(-side // 2) for side in seen.size], Image.Resampling.BOX)
    return Image.alpha_composite(_continued(coarser).resize(seen.size, Image.Resampling.BILINEAR), seen)


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Square pictures [n, h, w, channels] at another side, antialiased."""
    import torch  # which films, for one, do without
    from torchvision.transforms.v2.functional import resize as resized

    if images.shape[1:3] == (size, size):
        return images
    tensor = torch.tensor(images).permute(0, 3, 1, 2)
    result: NDArray[np.uint8] = resized(tensor, [size, size], antialias=True).permute(0, 2, 3, 1).numpy()
    return result
