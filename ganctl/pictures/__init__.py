"""Pictures between files, arrays and tensors.

reading     any format and mode as levels
formats     what can be written, how large, and with transparency or without
sheets      tensors as grids and single files
frames      what films are made of
films       GIFs and videos
reduced     pictures as small files, for a page
"""

from ganctl.pictures.films import film, require_film
from ganctl.pictures.formats import can_hold, kept_ending, require_format
from ganctl.pictures.frames import Frames, frame, labelled, progress_frames
from ganctl.pictures.reading import FORMATS, Picture, has_alpha, read, read_square, resize, to_rgb
from ganctl.pictures.reduced import Reduced, reduced, reduced_cells
from ganctl.pictures.sheets import (
    cells,
    columns,
    grid,
    grid_size,
    save_grid,
    save_picture,
    save_sheet,
    save_single,
    to_bytes,
    write,
)

__all__ = [
    "FORMATS",
    "Frames",
    "Picture",
    "Reduced",
    "can_hold",
    "cells",
    "columns",
    "film",
    "frame",
    "grid",
    "grid_size",
    "has_alpha",
    "kept_ending",
    "labelled",
    "progress_frames",
    "read",
    "read_square",
    "reduced",
    "reduced_cells",
    "require_film",
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
