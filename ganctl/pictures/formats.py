"""Which formats are read, and which kinds of picture are not: by the ending of a name, or by the first bytes."""

import threading
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


def unsupported_raw(path: Path) -> str | None:
    """Why a file is not read although Pillow would: in camera raw files it finds a thumbnail, and calls it TIFF."""
    reason = unsupported_by_name(path)
    return reason if reason == _RAW else None


def unsupported_by_content(head: bytes) -> str | None:
    """Why a file that no reader knows is not read, by its first 32 bytes; None where it is no picture."""
    if head[4:8] == b"ftyp":
        reason = _BRANDS.get(head[8:12])
        return None if reason == HEIC and "HEIF" in READERS else reason
    return next((reason for magic, reason in _MAGIC.items() if head.startswith(magic)), None)


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
