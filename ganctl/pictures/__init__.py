"""Pictures between files, arrays and tensors.

reading     any format and mode as levels
sheets      tensors as grids and single files
films       GIFs and videos
"""

from ganctl.pictures.films import film, frame, labelled
from ganctl.pictures.reading import FORMATS, read_square, resize, to_rgb
from ganctl.pictures.sheets import columns, grid, require_format, save_grid, save_sheet, save_single, to_bytes, write

__all__ = [
    "FORMATS",
    "columns",
    "film",
    "frame",
    "grid",
    "labelled",
    "read_square",
    "require_format",
    "resize",
    "save_grid",
    "save_sheet",
    "save_single",
    "to_bytes",
    "to_rgb",
    "write",
]
