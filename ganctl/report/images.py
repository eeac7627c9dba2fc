"""Prepare the images of a report: previews within a budget of bytes, and translations beside their inputs."""

import base64
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ganctl.images.captions import NO_CAPTIONS, Captions
from ganctl.images.thumbnails import Thumbnail, captions_of, grid_thumbnails, make_thumbnail
from ganctl.runs.run import Run

_MAX_PREVIEW_BYTES = 6 * 2**20  # of all previews; base64 makes a third more of them
_MAX_PREVIEWS = 60
_FEW_PREVIEWS = 24  # no fewer are shown; if these are still too large, they are scaled down
_MAX_PREVIEW_PIXELS = 1056  # of the longer side; four images of 256 in a row are 1034


class Frame(NamedTuple):
    """A preview and its epoch."""

    epoch: int
    image: Thumbnail


class Translation(NamedTuple):
    """The first two pictures in a row of a translating family's preview, with their columns' titles and its name."""

    before: Thumbnail
    after: Thumbnail
    before_title: str
    after_title: str
    row: str


def data_url(image: Thumbnail) -> str:
    """The image as a ``data:`` URL."""
    return f"data:image/webp;base64,{base64.b64encode(image.content).decode()}"


def frames(run: Run) -> list[Frame]:
    """The run's previews from the first to the last, early ones more densely; an unreadable one is left out."""
    previews, count, max_size = run.previews(), _MAX_PREVIEWS, _MAX_PREVIEW_PIXELS
    while True:
        thumbnails = _thumbnails([previews[index] for index in dense_early(len(previews), count)], max_size)
        total = sum(len(frame.image.content) for frame in thumbnails)
        if total <= _MAX_PREVIEW_BYTES:
            return thumbnails
        if count > _FEW_PREVIEWS:
            count = max(_FEW_PREVIEWS, int(min(count, len(thumbnails)) * _MAX_PREVIEW_BYTES / total))
        else:
            max_size = int(max_size * math.sqrt(_MAX_PREVIEW_BYTES / total) * 0.95)


def dense_early(length: int, count: int) -> list[int]:
    """At most `count` of the indices below `length`, the first and the last among them, denser near the first."""
    if length <= count:
        return list(range(length))
    return sorted({round((length - 1) * (i / (count - 1)) ** 1.5) for i in range(count)})


def _thumbnails(previews: Sequence[tuple[int, Path]], max_size: int) -> list[Frame]:
    readable = []
    for epoch, path in previews:
        with suppress(OSError):
            readable.append(Frame(epoch, make_thumbnail(path, max_size)))
    return readable


def captions(run: Run) -> Captions:
    """What the columns and rows of a run's newest readable preview are; none where it does not say."""
    for _, path in reversed(run.previews()):
        with suppress(OSError):
            return captions_of(path)
    return NO_CAPTIONS


def translations(run: Run, size: int) -> list[Translation]:
    """The rows of a translating family's newest readable preview; none where that does not say what its columns are.

    Args:
        run: whose.
        size: of its square images, in pixels.
    """
    for _, path in reversed(run.previews()):
        with suppress(OSError):
            titles, names = captions_of(path)
            if len(titles) < 2:
                return []
            rows = grid_thumbnails(path, len(titles), size)
            names = names or [""] * len(rows)
            return [
                Translation(row[0], row[1], titles[0], titles[1], name) for row, name in zip(rows, names, strict=False)
            ]
    return []
