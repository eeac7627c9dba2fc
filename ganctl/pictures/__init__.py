"""Pictures between files, arrays and tensors.

reading     any format and mode as levels
sheets      tensors as grids and single files
films       GIFs and videos
reduced     pictures as small files, for a page
"""

from ganctl.pictures.films import film, frame, labelled
from ganctl.pictures.reading import FORMATS, Picture, has_alpha, read, read_square, resize, to_rgb
from ganctl.pictures.reduced import Reduced, reduced, reduced_cells
from ganctl.pictures.sheets import (
    can_hold,
    cells,
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
    "Reduced",
    "can_hold",
    "cells",
    "columns",
    "film",
    "frame",
    "grid",
    "has_alpha",
    "kept_ending",
    "labelled",
    "read",
    "read_square",
    "reduced",
    "reduced_cells",
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
