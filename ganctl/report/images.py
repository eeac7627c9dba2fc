"""Prepare the images of a report: previews within a budget of bytes, and translations beside their inputs."""

import base64
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ganctl import tensorfile
from ganctl.data.batches import PREVIEW_ROWS
from ganctl.errors import CheckpointError
from ganctl.images.thumbnails import Thumbnail, grid_thumbnails, make_thumbnail
from ganctl.runs import checkpoint
from ganctl.runs.run import Run

_MAX_PREVIEW_BYTES = 6 * 2**20  # of all previews; base64 makes a third more of them
_MAX_PREVIEWS = 60
_FEW_PREVIEWS = 24  # no fewer are shown; if these are still too large, they are scaled down
_MAX_PREVIEW_PIXELS = 1056  # of the longer side; four images of 256 in a row are 1034
_COLUMNS = 4  # of a translating family's preview: input, translation, reconstruction, identity


class Frame(NamedTuple):
    """A preview and its epoch."""

    epoch: int
    image: Thumbnail


class Translation(NamedTuple):
    """A held-out picture and its translation, with the names of their domains."""

    before: Thumbnail
    after: Thumbnail
    source: str
    target: str


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


def translations(run: Run, size: int) -> list[Translation]:
    """The translations in the newest readable preview of a translating family; empty where there is none.

    Args:
        run: whose.
        size: of its square images, in pixels.
    """
    for _, path in reversed(run.previews()):
        with suppress(OSError):
            rows = grid_thumbnails(path, _COLUMNS, size)
            directions = _directions(run, len(rows))
            return [Translation(row[0], row[1], *names) for row, names in zip(rows, directions, strict=True)]
    return []


def _directions(run: Run, rows: int) -> list[tuple[str, str]]:
    """The source and target domain of each row: the first half from the first to the second, then back."""
    if rows != 2 * PREVIEW_ROWS:  # a set holds fewer pictures than that, and the preview does not say which
        return [("picture", "translation")] * rows
    first, second = domain_names(run)
    return [(first, second)] * PREVIEW_ROWS + [(second, first)] * PREVIEW_ROWS


def domain_names(run: Run) -> tuple[str, str]:
    """The names of a run's two domains, from its newest checkpoint that has them; else A and B."""
    with suppress(CheckpointError):
        for step in run.checkpoint_steps():
            with suppress(CheckpointError, KeyError, TypeError, ValueError):
                first, second = tensorfile.read_header(run.checkpoint(step) / checkpoint.MODEL)["domains"]
                return str(first), str(second)
    return "A", "B"
