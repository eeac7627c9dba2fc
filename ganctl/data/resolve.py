"""What ``--data`` means to a family that learns from one set."""

from ganctl.data.sources import mnist
from ganctl.data.sources.base import Source
from ganctl.data.sources.builtin import Digits
from ganctl.data.sources.folder import path_of, whole
from ganctl.images.reading import MAX_MEGAPIXELS

NAMES = (*mnist.NAMES, "digits")


def resolve_source(data: str, limit: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Source:
    """What ``--data`` means: a set's name, else a folder.

    Args:
        data: ``mnist``, ``fashion-mnist``, ``digits``, or the path of a folder of pictures.
        limit: use only the first so many pictures of a folder.
        max_megapixels: of a folder's pictures, see `images.reading.decode`.

    Raises:
        DataError: it is neither, or it cannot be had.
    """
    if data == "digits":
        return Digits()
    if data in mnist.NAMES:
        return mnist.idx_files(data)
    return whole(path_of(data, NAMES, "the pictures"), limit, max_megapixels)
