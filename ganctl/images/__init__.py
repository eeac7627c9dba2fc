"""Pictures between files, arrays and tensors.

formats     which formats are read
scanning    the pictures below a folder
reading     any format and mode as levels
repair      files with malformed metadata or without their last bytes
profiles    colour profiles, to sRGB and back
writing     what each format can hold
sheets      tensors as grids and single files
frames      what films are made of
films       GIFs and videos
reduced     pictures as small files, for a page
"""

from ganctl.images.animation import require_animation_format, write_animation
from ganctl.images.formats import FORMATS
from ganctl.images.frames import Frames, frame, labelled, progress_frames
from ganctl.images.grids import (
    cells,
    columns,
    grid,
    grid_size,
    save_grid,
    save_picture,
    save_preview,
    save_single,
    to_uint8,
    write,
)
from ganctl.images.profiles import from_srgb
from ganctl.images.reading import MAX_MEGAPIXELS, Picture, has_alpha, read, read_square, resize, to_rgb
from ganctl.images.scanning import UNNAMED, Scan, scan, unusable
from ganctl.images.thumbnails import Thumbnail, cell_thumbnails, thumbnail
from ganctl.images.writing import can_hold, kept_ending, require_format

__all__ = [
    "FORMATS",
    "MAX_MEGAPIXELS",
    "UNNAMED",
    "Frames",
    "Picture",
    "Scan",
    "Thumbnail",
    "can_hold",
    "cell_thumbnails",
    "cells",
    "columns",
    "frame",
    "from_srgb",
    "grid",
    "grid_size",
    "has_alpha",
    "kept_ending",
    "labelled",
    "progress_frames",
    "read",
    "read_square",
    "require_animation_format",
    "require_format",
    "resize",
    "save_grid",
    "save_picture",
    "save_preview",
    "save_single",
    "scan",
    "thumbnail",
    "to_rgb",
    "to_uint8",
    "unusable",
    "write",
    "write_animation",
]
