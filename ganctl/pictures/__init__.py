"""Pictures between files, arrays and tensors.

reading     any format and mode as levels
sheets      tensors as grids and single files
films       GIFs and videos
"""

from ganctl.pictures.films import film, frame, labelled
from ganctl.pictures.reading import FORMATS, Picture, has_alpha, read, read_square, resize, to_rgb
from ganctl.pictures.sheets import (
    can_hold,
    columns,
    grid,
    kept_ending,
    require_format,
    save_grid,
    save_picture,
    save_sheet,
    save_single,
    to_bytes,
    write,
)

__all__ = [
    "FORMATS",
    "Picture",
    "can_hold",
    "columns",
    "film",
    "frame",
    "grid",
    "has_alpha",
    "kept_ending",
    "labelled",
    "read",
    "read_square",
    "require_format",
    "resize",
    "save_grid",
    "save_picture",
    "save_sheet",
    "save_single",
    "to_bytes",
    "to_rgb",
    "write",
]
