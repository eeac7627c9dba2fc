"""Convert colours between ICC profiles and sRGB, which nets and screens expect."""

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SRGB_TOLERANCE = 2  # of 255: a profile that differs by no more is taken for sRGB, and pixels are left as they are
_PILLOW_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}  # by the colour space in an ICC profile's header


class _Transforms(NamedTuple):
    """From a profile to sRGB, and back if the profile allows it; None where pixels need no conversion."""

    to_srgb: ImageCms.ImageCmsTransform | None
    from_srgb: ImageCms.ImageCmsTransform | None
    is_writable: bool


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an 8-bit image of any Pillow mode to sRGB: RGB, or RGBA where it has transparency.

    A profile that is damaged, or whose colour space is not the image's, is ignored.
    """
    unconverted = image.convert("RGBA" if image.has_transparency_data else "RGB")
    mode = _PILLOW_MODES.get((profile or b"")[16:20])
    if profile is None or mode is None or (mode == "CMYK") != (image.mode == "CMYK"):
        return unconverted
    if mode == "L" and image.mode not in ("1", "L", "LA", "La"):
        return unconverted
    transforms = _transforms(profile, mode)
    if transforms is None or transforms.to_srgb is None:
        return unconverted
    colours = {"CMYK": image, "L": unconverted.getchannel(0)}.get(mode) or unconverted.convert("RGB")
    converted = ImageCms.applyTransform(colours, transforms.to_srgb)
    if converted is None:  # which Pillow's types allow for a conversion in place
        return unconverted
    if unconverted.mode == "RGBA":
        converted.putalpha(unconverted.getchannel("A"))
    return converted


def writable_profile(profile: object) -> bytes | None:
    """The profile, if it is an intact RGB profile that `from_srgb` can convert to; None otherwise."""
    if not isinstance(profile, bytes) or profile[16:20] != b"RGB ":
        return None
    transforms = _transforms(profile, "RGB")
    return profile if transforms is not None and transforms.is_writable else None


def from_srgb(pixels: NDArray[np.uint8], profile: bytes | None) -> NDArray[np.uint8]:
    """Convert uint8 sRGB pixels [H, W, 3] to a profile that `writable_profile` returned; None leaves them as they are.

    Returns:
        uint8 pixels [H, W, 3].
    """
    transforms = None if profile is None else _transforms(profile, "RGB")
    if transforms is None or transforms.from_srgb is None:
        return pixels
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transforms.from_srgb))


@lru_cache(64)
def _transforms(profile: bytes, mode: str) -> _Transforms | None:
    """None where the profile is damaged."""
    srgb = ImageCms.createProfile("sRGB")
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        to_srgb = ImageCms.buildTransform(parsed, srgb, mode, "RGB")
        if mode != "CMYK" and _changes_nothing(to_srgb, mode):
            return _Transforms(None, None, is_writable=True)
    except (ImageCms.PyCMSError, OSError, ValueError, ImportError):  # ImportError: a Pillow without littlecms
        return None
    try:
        return _Transforms(to_srgb, ImageCms.buildTransform(srgb, parsed, "RGB", mode), is_writable=True)
    except (ImageCms.PyCMSError, OSError, ValueError):  # an input profile, such as a scanner's, has one direction only
        return _Transforms(to_srgb, None, is_writable=False)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
    before = Image.fromarray(cube).convert(mode)
    after = ImageCms.applyTransform(before, transform)
    difference = np.asarray(after, int) - np.asarray(before.convert("RGB"), int)
    return bool(np.abs(difference).max() <= _SRGB_TOLERANCE)
