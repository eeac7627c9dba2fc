"""Picture formats that can be written, and how large and how transparent a picture each of them holds."""

import io
from functools import cache
from pathlib import Path

from PIL import Image

from ganctl.errors import UsageError
from ganctl.images.formats import ENDINGS
from ganctl.images.reading import has_alpha

_QUALITY = 95  # of JPEG and WebP, whose defaults show blocks
_LARGEST = {  # pixels of a side; what is not here takes more than memory does
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
_COMMON = {"JPEG", "PNG", "WEBP", "TIFF"}
_HIDES_ALPHA = {"BMP", "DIB", "PPM"}  # Pillow writes it without a word, and no reader sees it again
_TRIED = (300, 200)  # what icons of fixed sizes cannot hold


def require_format(path: Path, size: tuple[int, int] | None = None) -> str:
    """The format that a path's ending names.

    Args:
        path: of the picture that is to be written.
        size: its width and height in pixels, where they are known.

    Raises:
        UsageError: it names none that Pillow writes here, or one that holds no picture of that size.
    """
    form = ENDINGS.get(path.suffix.lower(), "")
    if not _writes(form, "RGB"):
        raise UsageError(f"{path.name} has an ending that names no picture format.", "Use .png, .jpg or .webp.")
    largest = _LARGEST.get(form)
    if size is not None and largest is not None and max(size) > largest:
        width, height = size
        said = (
            f"{path.name} cannot have {width:,}×{height:,} pixels: {form} holds {largest:,} a side, and .png any size."
        )
        raise UsageError(said, f"-o {path.with_suffix('.png').name}")
    return form


def kept_ending(source: Path) -> str:
    """The ending of a picture's translation: its own, where that is common and can hold one, else ``.png``."""
    common = ENDINGS.get(source.suffix.lower()) in _COMMON
    return source.suffix if common and can_hold(source, source) else ".png"


def can_hold(path: Path, source: Path) -> bool:
    """Whether the format that a path's ending names can hold the transparency of a picture file."""
    form = ENDINGS.get(path.suffix.lower(), "")
    return (form not in _HIDES_ALPHA and _writes(form, "RGBA")) or not has_alpha(source)


def encoded(picture: Image.Image, form: str, profile: bytes | None = None) -> bytes:
    """A picture as the bytes of a file.

    Raises:
        ValueError: the format cannot hold it; what Pillow says is the reason.
    """
    buffer = io.BytesIO()
    shown = picture if _writes(form, picture.mode) else picture.convert("RGB")
    try:
        shown.save(buffer, form, quality=_QUALITY, icc_profile=profile)
    except MemoryError:
        raise
    except Exception as error:  # nothing but memory is written to, and its writers raise anything
        raise ValueError(f"{form} cannot hold it: {error}") from None
    return buffer.getvalue()


@cache
def _writes(form: str, mode: str) -> bool:
    """Whether Pillow, as it was built here, writes pictures of a mode in a format, whole and as large as they are."""
    buffer = io.BytesIO()
    try:
        Image.new(mode, _TRIED).save(buffer, form)
        with Image.open(buffer) if form in Image.OPEN else Image.new(mode, _TRIED) as written:
            return written.size == _TRIED
    except Exception:  # of a format that it only reads, of one it has no library for
        return False
