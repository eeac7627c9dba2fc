"""What ``--data`` means to a family that learns from one set."""

import os
from pathlib import Path

from ganctl.data import idx
from ganctl.data.drawn import Digits
from ganctl.data.folder import Folder, name_of, split
from ganctl.data.layout import pictures_below
from ganctl.data.source import Source
from ganctl.errors import DataError

NAMES = (*idx.NAMES, "digits")


def source(data: str, limit: int | None = None) -> Source:
    """What ``--data`` means: a set's name, else a folder.

    Args:
        data: ``mnist``, ``fashion-mnist``, ``digits``, or the path of a folder of pictures.
        limit: use only the first so many pictures of a folder.

    Raises:
        DataError: it is neither, or it cannot be had.
    """
    if data == "digits":
        return Digits()
    if data in idx.NAMES:
        return idx.idx_files(data)
    root = Path(os.path.expanduser(data))  # noqa: PTH111 - Path.expanduser raises where there is no such user
    if not data or not root.exists():
        raise DataError(f"There is no data {data!r}.", f"Name a folder of pictures, or one of: {', '.join(NAMES)}.")
    if not root.is_dir():
        raise DataError(f"{data} is a file.", "Name the folder that holds the pictures.")
    files = pictures_below(root)
    if not files:
        raise DataError(f"{data} holds no pictures.", "Name a folder of pictures, such as JPEG or PNG files.")
    return Folder(name_of(root), root, *split(files), limit)
