"""Image formats: which can be read, which files are images, and why any other file is not read."""

import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image

HEIC_REASON = "it is HEIC, which pip install 'ganctl[heic]' reads"
AVIF_REASON = "it is AVIF, which this Pillow does not read"
RAW_REASON = "it is camera raw: export it as JPEG or TIFF"
OTHER_REASON = "it is of a format that ganctl does not read: convert it to PNG"
_UNSUPPORTED_SUFFIXES = {
    HEIC_REASON: ".heic .heics .heif .heifs .hif",
    AVIF_REASON: ".avif .avifs",
    RAW_REASON: ".3fr .ari .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf "
    ".pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f",
    OTHER_REASON: ".ai .emf .eps .exr .hdr .j2c .jp2 .jpf .jpx .jxl .jxr .kra .psb .svg .svgz .wdp .webp .wmf .xcf",
}
_ISO_BRANDS = {b"avif": AVIF_REASON, b"avis": AVIF_REASON, b"crx ": RAW_REASON} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC_REASON
)
_UNSUPPORTED_MAGIC = {
    b"FUJIFILMCCD-RAW": RAW_REASON,
    b"\xff\x0a": OTHER_REASON,
    b"\0\0\0\x0cJXL ": OTHER_REASON,
}
_SUPPORTED_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_STUB_FORMATS = {
    "BUFR",
    "EPS",
    "GRIB",
    "HDF5",
    "MPEG",
    "WMF",
}  # Pillow cannot decode them itself; EPS runs a program


def _registered_suffixes() -> dict[str, str]:
    """Load Pillow's plugins, and that for HEIC if installed: every suffix that they know, with its format."""
    if find_spec("pillow_heif"):
        import pillow_heif  # the extra

        pillow_heif.register_heif_opener()
    return Image.registered_extensions()


SUFFIX_FORMATS = _registered_suffixes()
READERS = tuple(sorted(set(Image.OPEN) - _STUB_FORMATS))
READABLE_SUFFIXES = frozenset(
    suffix
    for suffix, image_format in SUFFIX_FORMATS.items()
    if image_format in READERS or image_format == "MPO"  # which the JPEG reader opens
)
_SUFFIX_REASONS = {
    suffix: reason
    for reason, suffixes in _UNSUPPORTED_SUFFIXES.items()
    for suffix in suffixes.split()
    if suffix not in READABLE_SUFFIXES
}
_pixel_limit_lock = threading.Lock()


def unsupported_suffix_reason(path: Path) -> str | None:
    """Why files with this suffix are not read; None if they are, or if it is not an image format's suffix."""
    return _SUFFIX_REASONS.get(path.suffix.lower())


def is_image(path: Path) -> bool:
    """Whether a file's content is an image that can be read, whatever its name."""
    image_format = _detect_format(path)
    # In camera raw files Pillow finds a thumbnail, and calls it TIFF.
    return image_format is not None and not (image_format == "TIFF" and unsupported_suffix_reason(path) == RAW_REASON)


def camera_raw_reason(path: Path) -> str | None:
    """Why a camera raw file is not read, although Pillow might read its thumbnail; None for any other file."""
    return RAW_REASON if unsupported_suffix_reason(path) == RAW_REASON and not is_image(path) else None


def unsupported_reason(path: Path) -> str:
    """Why a file that no reader recognises is not read: by its content, or else by its suffix.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp":
        reason = _ISO_BRANDS.get(head[8:12])
        reason = None if reason == HEIC_REASON and "HEIF" in READERS else reason
    else:
        suffix_reason = unsupported_suffix_reason(path)  # HEIC and AVIF would have been recognised by their content
        reason = next((reason for magic, reason in _UNSUPPORTED_MAGIC.items() if head.startswith(magic)), None)
        reason = reason or (suffix_reason if suffix_reason in (RAW_REASON, OTHER_REASON) else None)
    return reason or "it is no picture"


def has_image_signature(path: Path) -> bool:
    """Whether a file begins with the signature of a common image format, which no other file begins with."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return False
    brand = head[8:12]  # of an ISO base media file, the container of HEIC, AVIF and Canon's raw files
    is_container = (head[:4] == b"RIFF" and brand == b"WEBP") or (head[4:8] == b"ftyp" and brand in _ISO_BRANDS)
    # BMP's two letters may begin a text; its four reserved bytes, which are zero, do not occur in one.
    return is_container or head.startswith(_SUPPORTED_MAGIC) or (head.startswith(b"BM") and head[6:10] == bytes(4))


def _detect_format(path: Path) -> str | None:
    """Pillow's name of a file's format; None where no reader recognises it, or it cannot be opened."""
    try:
        with warnings.catch_warnings(action="ignore"), open_unlimited(path) as file:
            return file.format
    except Exception:  # on malformed files Pillow's readers raise anything
        return None


def open_unlimited(source: Path | BinaryIO) -> Image.Image:
    """Open an image file of any number of pixels without decoding it. The caller checks its size before decoding.

    Raises:
        Exception: on malformed files Pillow's readers raise anything.
    """
    try:
        return Image.open(source, formats=READERS)
    except Image.DecompressionBombError:  # a JPEG's draft mode may decode a fraction; only an open file can tell
        with _pixel_limit_lock:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(source, formats=READERS)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
