"""The pictures of a report: previews that fit into a budget of bytes, and translations beside their pictures."""

import base64
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ganctl import tensorfile
from ganctl.data.batches import PREVIEW_ROWS
from ganctl.errors import CheckpointError
from ganctl.images import thumbnails
from ganctl.images.thumbnails import Thumbnail
from ganctl.runs import checkpoint
from ganctl.runs.run import Run

_BYTES = 6 * 2**20  # of all previews; base64 makes a third more of them
_SHEETS, _LEAST = 60, 24  # with so few left, previews that are still too large are made smaller instead
_SIDE = 1056  # pixels; four pictures of 256 in a row are 1034
_COLUMNS = 4  # of a translating family's preview: a picture, its translation, that translated back, its identity


class Frame(NamedTuple):
    """A preview and its epoch."""

    epoch: int
    picture: Thumbnail


class Translation(NamedTuple):
    """A held-out picture, what the model makes of it, and the names of the two domains."""

    before: Thumbnail
    after: Thumbnail
    source: str
    target: str


def address(picture: Thumbnail) -> str:
    """A picture as a ``data:`` address."""
    return f"data:image/webp;base64,{base64.b64encode(picture.content).decode()}"


def frames(run: Run) -> list[Frame]:
    """Progress previews from the first to the last, early ones more densely; one that cannot be read is left out."""
    previews, count, side = run.previews(), _SHEETS, _SIDE
    while True:
        found = _reduced([previews[place] for place in early(len(previews), count)], side)
        total = sum(len(frame.picture.content) for frame in found)
        if total <= _BYTES:
            return found
        if count > _LEAST:
            count = max(_LEAST, int(min(count, len(found)) * _BYTES / total))
        else:
            side = int(side * math.sqrt(_BYTES / total) * 0.95)


def early(count: int, most: int) -> list[int]:
    """At most so many places out of `count`, with the first and the last, and closer together near the first."""
    if count <= most:
        return list(range(count))
    return sorted({round((count - 1) * (place / (most - 1)) ** 1.5) for place in range(most)})


def _reduced(previews: Sequence[tuple[int, Path]], side: int) -> list[Frame]:
    found = []
    for epoch, path in previews:
        with suppress(OSError):
            found.append(Frame(epoch, thumbnails.thumbnail(path, side)))
    return found


def translations(run: Run, size: int) -> list[Translation]:
    """What the newest preview of a translating family holds; nothing where it cannot be read."""
    for _, path in reversed(run.previews()):
        with suppress(OSError):
            rows = thumbnails.cell_thumbnails(path, _COLUMNS, size)
            return [Translation(row[0], row[1], *names) for row, names in zip(rows, _ways(run, len(rows)), strict=True)]
    return []


def _ways(run: Run, rows: int) -> list[tuple[str, str]]:
    """From which domain to which each row goes: the first half from the first to the second, then back."""
    if rows != 2 * PREVIEW_ROWS:  # a set holds fewer pictures than that, and the preview does not say which
        return [("picture", "translation")] * rows
    first, second = domains(run)
    return [(first, second)] * PREVIEW_ROWS + [(second, first)] * PREVIEW_ROWS


def domains(run: Run) -> tuple[str, str]:
    """The names of a run's two domains, from its newest checkpoint that says them; else A and B."""
    with suppress(CheckpointError):
        for step in run.checkpoint_steps():
            with suppress(CheckpointError, KeyError, TypeError, ValueError):
                first, second = tensorfile.read_header(run.checkpoint(step) / checkpoint.MODEL)["domains"]
                return str(first), str(second)
    return "A", "B"
