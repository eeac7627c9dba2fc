"""Reading pictures of any format and mode: all that is decoded anywhere in ganctl is decoded by `decode`."""

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

from ganctl.images.formats import open_image, unsupported, unsupported_raw
from ganctl.images.profiles import own_profile, to_srgb
from ganctl.images.repair import Repaired, orientation, repair

MAX_MEGAPIXELS = 128.0  # half a gigabyte in Pillow's memory; the photographs of most phones have up to 108
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = {turn for orientation, turn in _TURNS.items() if orientation >= 5}


class _TooLargeError(OSError):
    """A picture that is whole, and has more pixels than are allowed."""


class Decoded(NamedTuple):
    """A picture as it is displayed.

    Attributes:
        image: RGB, or RGBA where it has transparency; in sRGB, upright, and perhaps smaller than the picture.
        size: width and height of the picture.
        mode: Pillow's, of the file.
        profile: the colour profile of the file, where it is one of RGB that can be converted to.
    """

    image: Image.Image
    size: tuple[int, int]
    mode: str
    profile: bytes | None


@dataclass(frozen=True)
class Picture:
    """A picture as it is displayed.

    Attributes:
        levels: its colours [H, W, 3], in sRGB when it is read, in those of its profile when it is written.
        alpha: its opacity [H, W]; None where it has no transparency.
        profile: the colour profile of the file, where it has a whole one of RGB.
    """

    levels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    profile: bytes | None = None


def decode(path: Path, shorter: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Decoded:
    """A picture of any format and mode, in sRGB and turned by its EXIF; of an animation the first frame.

    Pixels are not lost for what is beside them: where metadata are malformed, or the last bytes are missing, they are
    read all the same, and turned and converted where the orientation and the profile can still be made out.

    Args:
        path: the file.
        shorter: pixels that the shorter side should have at least: a JPEG is then decoded at a half, a quarter or an
            eighth of its size if that leaves twice as many.
        max_megapixels: how much may have to be held in memory at once, in millions of pixels.

    Raises:
        OSError: it cannot be read, or is too large; what it says is the reason, without the path.
    """
    try:
        with opened(path) as file:
            return _decoded(file, shorter, max_megapixels)
    except _TooLargeError:
        raise
    except OSError as error:
        if (found := _repaired(path)) is None:
            raise
        try:
            with opened(io.BytesIO(found.content)) as file:
                return _decoded(file, shorter, max_megapixels, found)
        except _TooLargeError:
            raise
        except OSError:
            raise error from None


def read(path: Path, shorter: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Picture:
    """A picture's levels, opacity and profile, as `decode` reads it.

    Colours are not laid on anything. Where nothing of them is seen, editors leave black, white or leftovers, which
    would be edges to a net and weigh in its statistics: there the colours around go on instead.

    Args:
        path: the file.
        shorter: resize it so that the shorter side has so many pixels.
        max_megapixels: see `decode`.

    Raises:
        OSError: see `decode`.
    """
    with warnings.catch_warnings(action="ignore"):  # Pillow warns of odd metadata, and of bombs
        picture, _, _, profile = decode(path, shorter, max_megapixels)
        if shorter is not None:
            picture = _resized(picture, shorter, max_megapixels)
    levels = np.asarray(picture)
    if picture.mode == "RGB":
        return Picture(levels, profile=profile)
    alpha = levels[..., 3]
    continued = np.asarray(_continued(picture))[..., :3]
    return Picture(np.where(alpha[..., None] == 0, continued, levels[..., :3]), alpha, profile)


def has_alpha(path: Path) -> bool:
    """Whether a picture has transparency, from the head of its file; False where it cannot be read."""
    with warnings.catch_warnings(action="ignore"):
        try:
            with opened(path) as file:
                return file.has_transparency_data
        except OSError:
            found = _repaired(path)
        try:
            with opened(io.BytesIO(found.content if found else b"")) as file:
                return file.has_transparency_data
        except OSError:
            return False


def read_square(path: Path, size: int, max_megapixels: float = MAX_MEGAPIXELS) -> tuple[NDArray[np.uint8], int]:
    """A picture as RGB, as `decode` reads it: transparency laid on white, centre-cropped, resized.

    Returns:
        levels [size, size, 3], and the picture's own shorter side in pixels.

    Raises:
        OSError: see `decode`.
    """
    found = decode(path, size, max_megapixels)
    try:
        picture = ImageOps.fit(to_rgb(found.image), (size, size), Image.Resampling.LANCZOS)
    except Exception as error:
        raise OSError(_reason(error)) from None
    return np.asarray(picture), min(found.size)


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
def opened(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """A picture file, and an OSError without the path for whatever goes wrong inside."""
    if isinstance(source, Path) and (why := unsupported_raw(source)):
        raise OSError(why)
    try:
        with open_image(source) as file:
            yield file
    except UnidentifiedImageError:
        raise OSError(unsupported(source) if isinstance(source, Path) else "it is no picture") from None
    except _TooLargeError:
        raise
    except Exception as error:  # on malformed files Pillow's readers raise anything, IndexError and struct.error too
        raise OSError(_reason(error)) from None


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _repaired(path: Path) -> Repaired | None:
    try:
        return repair(path.read_bytes()) if path.is_file() and not unsupported_raw(path) else None
    except OSError:
        return None


def _decoded(file: Image.Image, shorter: int | None, max_megapixels: float, beside: Repaired | None = None) -> Decoded:
    """What is in a file that is open, with the metadata that were taken out of it."""
    stored, mode = file.size, file.mode
    if shorter is not None:
        file.draft("RGB", (2 * shorter, 2 * shorter))
    drafted = file.size != stored
    # Of a progressive JPEG all coefficients are held, whatever is made of them.
    width, height = stored if file.info.get("progressive") else file.size
    if width * height > max_megapixels * 1e6:
        raise _TooLargeError(f"it has more than {max_megapixels:g} megapixels, which --max-megapixels would allow")
    file.load()
    size = stored if drafted else file.size  # TIFF's reader turns a picture itself, and its sides at any time
    turn = _TURNS.get(_orientation(file, beside.exif if beside else file.info.get("exif")))
    own = (beside and beside.profile) or file.info.get("icc_profile")
    image = to_srgb(_to_eight_bits(file), own if isinstance(own, bytes) else None)
    if turn is not None:
        image = image.transpose(turn)
        size = size[::-1] if turn in _ON_ITS_SIDE else size
    return Decoded(image, size, mode, own_profile(own))


def _orientation(file: Image.Image, exif: object) -> int:
    """What the EXIF or XMP data say; 1, which is upright, where nobody can make it out."""
    try:
        value = file.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow's reader of them raises anything, too
        value = None
    if isinstance(value, int):
        return value
    return orientation(exif) if isinstance(exif, bytes) else 1


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


def _resized(picture: Image.Image, shorter: int, max_megapixels: float) -> Image.Image:
    factor = shorter / min(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    if width * height > max_megapixels * 1e6:
        raise OSError(f"resized to {width}×{height} it has more than {max_megapixels:g} megapixels")
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
