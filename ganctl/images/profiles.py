"""Colour profiles: from what a file's numbers mean to sRGB, which nets and screens expect, and back."""

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_AS_GOOD = 2  # levels by which a profile may differ from sRGB and still be taken for it: pixels are left as they are
_SPACES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}  # what an ICC profile says of itself, and Pillow's mode


class _Transforms(NamedTuple):
    """From a profile to sRGB, and back where that can be; None where there is nothing to do."""

    to_srgb: ImageCms.ImageCmsTransform | None
    back: ImageCms.ImageCmsTransform | None
    writable: bool


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of 8 bits and of any Pillow mode as sRGB: RGB, or RGBA where it has transparency.

    A profile that is damaged, or of other colours than the picture's, is passed over.
    """
    whole = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    mode = _SPACES.get((profile or b"")[16:20])
    if profile is None or mode is None or (mode == "CMYK") != (picture.mode == "CMYK"):
        return whole
    if mode == "L" and picture.mode not in ("1", "L", "LA", "La"):
        return whole
    found = _transforms(profile, mode)
    if found is None or found.to_srgb is None:
        return whole
    colours = {"CMYK": picture, "L": whole.getchannel(0)}.get(mode) or whole.convert("RGB")
    converted = ImageCms.applyTransform(colours, found.to_srgb)
    if converted is None:  # which Pillow's types allow for a conversion in place
        return whole
    if whole.mode == "RGBA":
        converted.putalpha(whole.getchannel("A"))
    return converted


def own_profile(profile: object) -> bytes | None:
    """The same, where it is a whole one of RGB that `from_srgb` can convert to."""
    if not isinstance(profile, bytes) or profile[16:20] != b"RGB ":
        return None
    found = _transforms(profile, "RGB")
    return profile if found is not None and found.writable else None


def from_srgb(levels: NDArray[np.uint8], profile: bytes | None) -> NDArray[np.uint8]:
    """Levels [H, W, 3] of sRGB as those of a profile that `own_profile` gave, or of none."""
    found = None if profile is None else _transforms(profile, "RGB")
    if found is None or found.back is None:
        return levels
    return np.asarray(ImageCms.applyTransform(Image.fromarray(levels), found.back))


@lru_cache(64)
def _transforms(profile: bytes, mode: str) -> _Transforms | None:
    """None where the profile is damaged."""
    srgb = ImageCms.createProfile("sRGB")
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        there = ImageCms.buildTransform(own, srgb, mode, "RGB")
        if mode != "CMYK" and _changes_nothing(there, mode):
            return _Transforms(None, None, writable=True)
    except (ImageCms.PyCMSError, OSError, ValueError, ImportError):  # ImportError: a Pillow without littlecms
        return None
    try:
        return _Transforms(there, ImageCms.buildTransform(srgb, own, "RGB", mode), writable=True)
    except (ImageCms.PyCMSError, OSError, ValueError):  # a scanner's, say, which only leads away from its colours
        return _Transforms(there, None, writable=False)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
    plain = Image.fromarray(cube).convert(mode)
    converted = ImageCms.applyTransform(plain, transform)
    return bool(np.abs(np.asarray(converted, int) - np.asarray(plain.convert("RGB"), int)).max() <= _AS_GOOD)
