"""Pictures translated one after the other: whatever one of them is, the others go on."""

import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganctl import pictures
from ganctl.data.cache import with_channels
from ganctl.data.feed import normalised
from ganctl.data.findings import shown
from ganctl.device import is_out_of_memory
from ganctl.errors import DataError, UsageError
from ganctl.inference import Model
from ganctl.routes import Route, Skipped

# What a disk may say of one name; anything else it would say of the next as well.
_OF_ONE_NAME = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.ELOOP}
_HANDFUL = 5  # pictures that are named in a sentence


@dataclass(frozen=True)
class Translated:
    """A picture that was translated and written.

    Attributes:
        source: the picture.
        path: its translation.
        seconds: that it took.
    """

    source: Path
    path: Path
    seconds: float


@dataclass(frozen=True)
class There:
    """A translation that was there already and is left alone."""

    path: Path


Result = Translated | There | Skipped


@dataclass(frozen=True)
class Tally:
    """How many pictures ended how.

    Attributes:
        total: pictures.
        translated: now.
        there: that were there already.
        skipped: the others.
    """

    total: int
    translated: int
    there: int
    skipped: tuple[Skipped, ...]

    @property
    def sentence(self) -> str:
        """What a person reads in the end."""
        said = f"translated {self.translated} of {self.total}"
        if self.there:
            said += f", {self.there} {'was' if self.there == 1 else 'were'} there already"
        if self.skipped:
            said += f", {len(self.skipped)} skipped: {_listed(self.skipped)}"
        return said


def tally(results: Sequence[Result]) -> Tally:
    """Count results.

    Raises:
        DataError: not one of them can be had.
    """
    counts = {kind: sum(isinstance(result, kind) for result in results) for kind in (Translated, There)}
    skipped = tuple(result for result in results if isinstance(result, Skipped))
    if len(skipped) == len(results):
        raise DataError(f"Nothing could be translated: {_listed(skipped)}.")
    return Tally(len(results), counts[Translated], counts[There], skipped)


def _listed(skipped: Sequence[Skipped]) -> str:
    """A handful of pictures with the reasons, and how many more."""
    names = (shown(one.source) for one in skipped[:_HANDFUL])
    said = [f"{name} ({one.reason})" for name, one in zip(names, skipped, strict=False)]
    more = len(skipped) - len(said)
    return ", ".join(said) + (f", and {more} more" if more else "")


def translate(
    model: Model,
    planned: Iterable[Route | Skipped],
    to: str | None = None,
    size: int | None = None,
    force: bool = False,
) -> Iterator[Result]:
    """Translate pictures, each into the file that was planned for it.

    A result is as large as its picture is displayed, and has the picture's transparency.

    Args:
        model: one that translates.
        planned: see `ganctl.routes.plan`.
        to: the domain to translate to; the second if not given.
        size: resize each picture first, so that its shorter side has so many pixels.
        force: overwrite files that exist.

    Yields:
        How each ended, in the same order.

    Raises:
        UsageError: see `Model.translate`.
        OSError: the disk refuses not one file but all.
    """
    for route in planned:
        if isinstance(route, Skipped):
            yield route
        elif not force and os.path.isfile(route.output):  # noqa: PTH113 - Path.is_file raises where a name is too long
            yield There(route.output)
        else:
            yield _translated(model, route, to, size)


def _translated(model: Model, route: Route, to: str | None, size: int | None) -> Translated | Skipped:
    start = time.monotonic()
    try:
        picture = pictures.read(route.source, size)
    except OSError as error:
        return Skipped(route.source, str(error))
    height, width, _ = picture.levels.shape
    try:
        pictures.require_format(route.output, (width, height))
    except UsageError as error:
        return Skipped(route.source, error.message.rstrip("."))
    try:
        drawn = pictures.Picture(redrawn(model, picture.levels, to), picture.alpha, picture.profile)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return Skipped(route.source, "it takes more memory than there is")
    try:
        pictures.save_picture(route.output, drawn)
    except ValueError as error:
        return Skipped(route.source, str(error))
    except OSError as error:
        if error.errno not in _OF_ONE_NAME:
            raise
        return Skipped(route.source, f"{route.output} could not be written: {error.strerror}")
    return Translated(route.source, route.output, time.monotonic() - start)


def redrawn(model: Model, levels: NDArray[np.uint8], to: str | None = None) -> NDArray[np.uint8]:
    """One picture [H, W, 3] as the model translates it, [H, W, 3]. A grey model sees its luma, and answers in grey."""
    seen = with_channels(levels[None], model.header["shape"][0])
    drawn = model.translate(normalised(seen, torch.device("cpu")), to)
    answer: NDArray[np.uint8] = with_channels(pictures.to_bytes(drawn), 3)[0]
    return answer
