"""Read image files of any format and mode. Every image file that ganctl decodes is decoded by `decode`."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ganctl.images.conversion import fill_transparent, resize_shorter_side, to_eight_bits, to_rgb
from ganctl.images.formats import camera_raw_reason, open_unlimited, unsupported_reason
from ganctl.images.profiles import to_srgb, writable_profile
from ganctl.images.repair import RepairedFile, read_orientation, repair

MAX_MEGAPIXELS = 128.0  # half a gigabyte in Pillow's memory; the photographs of most phones have up to 108
_TRANSPOSES = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_WIDTH_AND_HEIGHT = {transpose for orientation, transpose in _TRANSPOSES.items() if orientation >= 5}


class _TooLargeError(OSError):
    """An intact image that has more pixels than allowed."""


class DecodedImage(NamedTuple):
    """An image as it is displayed.

    Attributes:
        image: RGB, or RGBA where it has transparency; sRGB, upright, and possibly smaller than the file's image.
        size: width and height of the file's image, upright.
        mode: Pillow's mode of the file.
        profile: the file's ICC profile, if it is an RGB profile that can be converted back to.
    """

    image: Image.Image
    size: tuple[int, int]
    mode: str
    profile: bytes | None


@dataclass(frozen=True)
class ImageArrays:
    """An image as arrays.

    Attributes:
        pixels: uint8 [H, W, 3]; sRGB when read, in the colours of `profile` when written.
        alpha: uint8 [H, W], its opacity; None if it has no transparency.
        profile: the ICC profile of the file, if it is an RGB profile that can be converted back to.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    profile: bytes | None = None


def decode(path: Path, min_size: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> DecodedImage:
    """Decode an image file to sRGB, turned upright by its EXIF orientation; of an animation, the first frame.

    Malformed metadata or missing last bytes do not make the pixels unreadable; where the orientation and the profile
    can still be made out, they are applied.

    Args:
        path: the file.
        min_size: pixels that the shorter side needs to have: a JPEG is then decoded at a half, a quarter or an eighth
            of its size if that leaves twice as many.
        max_megapixels: the most pixels to hold in memory at once, in millions.

    Raises:
        OSError: it cannot be read, or is too large; the message is the reason, without the path.
    """
    try:
        with open_image(path) as file:
            return _decode(file, min_size, max_megapixels)
    except _TooLargeError:
        raise
    except OSError as error:
        if (repaired := _repair_file(path)) is None:
            raise
        try:
            with open_image(io.BytesIO(repaired.content)) as file:
                return _decode(file, min_size, max_megapixels, repaired)
        except _TooLargeError:
            raise
        except OSError:
            raise error from None


def read_image(path: Path, size: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> ImageArrays:
    """Read an image file as arrays, decoded by `decode`.

    Nothing is composited. Under fully transparent pixels editors leave black, white or leftovers, which a net would see
    as edges and count in its statistics: these pixels get the colours around them instead.

    Args:
        path: the file.
        size: resize it so that the shorter side has this many pixels.
        max_megapixels: see `decode`.

    Raises:
        OSError: see `decode`.
    """
    with warnings.catch_warnings(action="ignore"):  # Pillow warns of odd metadata, and of bombs
        image, _, _, profile = decode(path, size, max_megapixels)
        if size is not None:
            image = resize_shorter_side(image, size, max_megapixels)
    pixels = np.asarray(image)
    if image.mode == "RGB":
        return ImageArrays(pixels, profile=profile)
    alpha = pixels[..., 3]
    filled = np.asarray(fill_transparent(image))[..., :3]
    return ImageArrays(np.where(alpha[..., None] == 0, filled, pixels[..., :3]), alpha, profile)


def read_square(path: Path, size: int, max_megapixels: float = MAX_MEGAPIXELS) -> tuple[NDArray[np.uint8], int]:
    """Read an image file, decoded by `decode`, as RGB over white, centre-cropped to a square and resized.

    Returns:
        uint8 pixels [size, size, 3], and the shorter side of the file's image in pixels.

    Raises:
        OSError: see `decode`.
    """
    decoded = decode(path, size, max_megapixels)
    try:
        image = ImageOps.fit(to_rgb(decoded.image), (size, size), Image.Resampling.LANCZOS)
    except Exception as error:
        raise OSError(_reason(error)) from None
    return np.asarray(image), min(decoded.size)


def has_alpha(path: Path) -> bool:
    """Whether an image file has transparency, from its header; False where it cannot be read."""
    with warnings.catch_warnings(action="ignore"):
        try:
            with open_image(path) as file:
                return file.has_transparency_data
        except OSError:
            repaired = _repair_file(path)
        try:
            with open_image(io.BytesIO(repaired.content if repaired else b"")) as file:
                return file.has_transparency_data
        except OSError:
            return False


@contextmanager
def open_image(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open an image file; whatever goes wrong inside the block becomes an OSError, whose message has no path."""
    if isinstance(source, Path) and (reason := camera_raw_reason(source)):
        raise OSError(reason)
    try:
        with open_unlimited(source) as file:
            yield file
    except UnidentifiedImageError:
        raise OSError(unsupported_reason(source) if isinstance(source, Path) else "it is no picture") from None
    except _TooLargeError:
        raise
    except Exception as error:  # on malformed files Pillow's readers raise anything, IndexError and struct.error too
        raise OSError(_reason(error)) from None


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _repair_file(path: Path) -> RepairedFile | None:
    try:
        return repair(path.read_bytes()) if path.is_file() and not camera_raw_reason(path) else None
    except OSError:
        return None


def _decode(
    file: Image.Image, min_size: int | None, max_megapixels: float, repaired: RepairedFile | None = None
) -> DecodedImage:
    """Decode an open file; a repaired one's metadata are beside it."""
    stored_size, mode = file.size, file.mode
    if min_size is not None:
        file.draft("RGB", (2 * min_size, 2 * min_size))
    is_draft = file.size != stored_size
    # Of a progressive JPEG all coefficients are held, at whatever size it is decoded.
    width, height = stored_size if file.info.get("progressive") else file.size
    if width * height > max_megapixels * 1e6:
        raise _TooLargeError(f"it has more than {max_megapixels:g} megapixels, which --max-megapixels would allow")
    file.load()
    size = stored_size if is_draft else file.size  # Pillow's TIFF reader turns an image itself, which swaps its size
    transpose = _TRANSPOSES.get(_orientation(file, repaired.exif if repaired else file.info.get("exif")))
    profile = (repaired and repaired.profile) or file.info.get("icc_profile")
    image = to_srgb(to_eight_bits(file), profile if isinstance(profile, bytes) else None)
    if transpose is not None:
        image = image.transpose(transpose)
        size = size[::-1] if transpose in _SWAPS_WIDTH_AND_HEIGHT else size
    return DecodedImage(image, size, mode, writable_profile(profile))


def _orientation(file: Image.Image, exif: object) -> int:
    """The orientation from EXIF or XMP data; 1, which is upright, where it cannot be made out."""
    try:
        value = file.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow's parser of metadata raises anything, too
        value = None
    if isinstance(value, int):
        return value
    return read_orientation(exif) if isinstance(exif, bytes) else 1
