"""What ``--data`` means to a family that learns from one set."""

from ganctl import images
from ganctl.data.sources import mnist
from ganctl.data.sources.base import Source
from ganctl.data.sources.builtin import Digits
from ganctl.data.sources.folder import path_of, whole

NAMES = (*mnist.NAMES, "digits")


def resolve_source(data: str, limit: int | None = None, max_megapixels: float = images.MAX_MEGAPIXELS) -> Source:
    """What ``--data`` means: a set's name, else a folder.

    Args:
        data: ``mnist``, ``fashion-mnist``, ``digits``, or the path of a folder of pictures.
        limit: use only the first so many pictures of a folder.
        max_megapixels: of a folder's pictures, see `pictures.reading.decode`.

    Raises:
        DataError: it is neither, or it cannot be had.
    """
    if data == "digits":
        return Digits()
    if data in mnist.NAMES:
        return mnist.idx_files(data)
    return whole(path_of(data, NAMES, "the pictures"), limit, max_megapixels)
