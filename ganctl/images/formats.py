"""Which formats are read, and which files are not: by what they hold, and by their names where that says nothing."""

import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image

HEIC = "it is HEIC, which pip install 'ganctl[heic]' reads"
_AVIF = "it is AVIF, which this Pillow does not read"
_RAW = "it is camera raw: export it as JPEG or TIFF"
_OTHER = "it is of a format that ganctl does not read: convert it to PNG"
_UNSUPPORTED = {
    HEIC: ".heic .heics .heif .heifs .hif",
    _AVIF: ".avif .avifs",
    _RAW: ".3fr .ari .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    ".raf .raw .rw2 .rwl .sr2 .srf .srw .x3f",
    _OTHER: ".ai .emf .eps .exr .hdr .j2c .jp2 .jpf .jpx .jxl .jxr .kra .psb .svg .svgz .wdp .webp .wmf .xcf",
}
_BRANDS = {b"avif": _AVIF, b"avis": _AVIF, b"crx ": _RAW} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC
)
_MAGIC = {b"FUJIFILMCCD-RAW": _RAW, b"\xff\x0a": _OTHER, b"\0\0\0\x0cJXL ": _OTHER}
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_STUBS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow only knows that they exist; EPS runs a program


def _registered() -> dict[str, str]:
    """Every ending that Pillow knows, with its format; this loads Pillow's readers, and that of HEIC if installed."""
    if find_spec("pillow_heif"):
        import pillow_heif  # the extra

        pillow_heif.register_heif_opener()
    return Image.registered_extensions()


ENDINGS = _registered()
READERS = tuple(sorted(set(Image.OPEN) - _STUBS))
FORMATS = frozenset(ending for ending, form in ENDINGS.items() if form in READERS or form == "MPO")  # MPO: by JPEG's
_REASONS = {ending: why for why, endings in _UNSUPPORTED.items() for ending in endings.split() if ending not in FORMATS}
_unlimited = threading.Lock()


def unsupported_by_name(path: Path) -> str | None:
    """Why a picture is not read, by the ending of its name; None where it may be, or is no picture."""
    return _REASONS.get(path.suffix.lower())


def is_picture(path: Path) -> bool:
    """Whether what a file begins with is a picture that is read here, whatever the file is called."""
    form = _format(path)
    # In camera raw files Pillow finds a thumbnail, and calls it TIFF.
    return form is not None and not (form == "TIFF" and unsupported_by_name(path) == _RAW)


def unsupported_raw(path: Path) -> str | None:
    """Why a file is not read although Pillow might read a part of it; None where it is no camera raw."""
    return _RAW if unsupported_by_name(path) == _RAW and not is_picture(path) else None


def unsupported(path: Path) -> str:
    """Why a file is not read that is no picture to any reader here: its content, or else its name, may say more.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp":
        reason = _BRANDS.get(head[8:12])
        reason = None if reason == HEIC and "HEIF" in READERS else reason
    else:
        by_name = unsupported_by_name(path)  # of HEIC and AVIF the content would have told
        reason = next((why for magic, why in _MAGIC.items() if head.startswith(magic)), None)
        reason = reason or (by_name if by_name in (_RAW, _OTHER) else None)
    return reason or "it is no picture"


def has_signature(path: Path) -> bool:
    """Whether a file begins as pictures of the common formats do: a few bytes that nothing else begins with."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return False
    brand = head[8:12]  # of what Apple and the makers of films began to wrap pictures in
    wrapped = (head[:4] == b"RIFF" and brand == b"WEBP") or (head[4:8] == b"ftyp" and brand in _BRANDS)
    # A bitmap has two letters, which a text may begin with, and four bytes that are zero.
    return wrapped or head.startswith(_SIGNATURES) or (head.startswith(b"BM") and head[6:10] == bytes(4))


def _format(path: Path) -> str | None:
    """Pillow's name for what a file begins with; None where no reader knows it, or it cannot be opened."""
    try:
        with warnings.catch_warnings(action="ignore"), open_image(path) as file:
            return file.format
    except Exception:  # on malformed files Pillow's readers raise anything
        return None


def open_image(source: Path | BinaryIO) -> Image.Image:
    """A picture file of any number of pixels, opened and not decoded yet: whoever decodes it looks at its size first.

    Raises:
        Exception: on malformed files Pillow's readers raise anything.
    """
    try:
        return Image.open(source, formats=READERS)
    except Image.DecompressionBombError:  # there is no other way to see how little of it a JPEG's draft will decode
        with _unlimited:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(source, formats=READERS)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
