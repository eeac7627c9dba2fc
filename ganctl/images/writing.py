"""Encode images in the formats that can be written, and say what size and transparency each of them holds."""

import io
from functools import cache
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganctl.errors import UsageError
from ganctl.images.formats import SUFFIX_FORMATS
from ganctl.images.reading import has_alpha

_QUALITY = 95  # of JPEG and WebP, whose defaults show blocks
_MAX_SIZES = {  # pixels of a side; any other format holds more than memory does
    "AVIF": 32_768,  # which libavif reads; it writes twice as many
    "GIF": 65_535,
    "JPEG": 65_500,
    "MPO": 65_500,
    "PCX": 65_534,
    "PDF": 65_500,
    "SGI": 65_535,
    "TGA": 65_535,
    "WEBP": 16_383,
}
_COMMON_FORMATS = {"JPEG", "PNG", "WEBP", "TIFF"}
_UNREADABLE_ALPHA = {"BMP", "DIB", "PPM"}  # Pillow writes their alpha channel without an error, and no reader shows it
_TRIAL_SIZE = (300, 200)  # pixels; icon formats, which have fixed sizes, cannot hold it


def require_format(path: Path, size: tuple[int, int] | None = None) -> str:
    """Pillow's name of the format that a path's suffix names.

    Args:
        path: of the image that is to be written.
        size: its width and height in pixels, if known.

    Raises:
        UsageError: the suffix names no format that Pillow writes here, or one that cannot hold an image of that size.
    """
    image_format = SUFFIX_FORMATS.get(path.suffix.lower(), "")
    if not _can_write(image_format, "RGB"):
        raise UsageError(f"{path.name} has an ending that names no picture format.", "Use .png, .jpg or .webp.")
    max_size = _MAX_SIZES.get(image_format)
    if size is not None and max_size is not None and max(size) > max_size:
        width, height = size
        message = (
            f"{path.name} cannot have {width:,}×{height:,} pixels: "
            f"{image_format} holds {max_size:,} a side, and .png any size."
        )
        raise UsageError(message, f"-o {path.with_suffix('.png').name}")
    return image_format


def output_suffix(source: Path) -> str:
    """The suffix for an image's translation: its own if that is common and can hold the translation, else ``.png``."""
    is_common = SUFFIX_FORMATS.get(source.suffix.lower()) in _COMMON_FORMATS
    return source.suffix if is_common and can_hold_alpha(source, source) else ".png"


def can_hold_alpha(path: Path, source: Path) -> bool:
    """Whether the format that a path's suffix names can hold the transparency, if any, of an image file."""
    image_format = SUFFIX_FORMATS.get(path.suffix.lower(), "")
    return (image_format not in _UNREADABLE_ALPHA and _can_write(image_format, "RGBA")) or not has_alpha(source)


def encode(
    image: Image.Image, image_format: str, profile: bytes | None = None, png_info: PngInfo | None = None
) -> bytes:
    """Encode an image as the bytes of a file.

    Args:
        image: its pixels.
        image_format: Pillow's name of the format.
        profile: an ICC profile that belongs to the pixels.
        png_info: texts for a PNG.

    Raises:
        ValueError: the format cannot hold it; the message gives Pillow's reason.
    """
    buffer = io.BytesIO()
    writable = image if _can_write(image_format, image.mode) else image.convert("RGB")
    try:
        writable.save(buffer, image_format, quality=_QUALITY, icc_profile=profile, pnginfo=png_info)
    except MemoryError:
        raise
    except Exception as error:  # nothing but memory is written to, and Pillow's writers raise anything
        raise ValueError(f"{image_format} cannot hold it: {error}") from None
    return buffer.getvalue()


@cache
def _can_write(image_format: str, mode: str) -> bool:
    """Whether this build of Pillow writes images of a mode in a format, at their size."""
    buffer = io.BytesIO()
    try:
        Image.new(mode, _TRIAL_SIZE).save(buffer, image_format)
        with Image.open(buffer) if image_format in Image.OPEN else Image.new(mode, _TRIAL_SIZE) as written:
            return written.size == _TRIAL_SIZE
    except Exception:  # of a format that it only reads, or whose library is missing
        return False
