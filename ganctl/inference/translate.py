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

from ganctl.data.batches import to_tensor
from ganctl.data.cache.decode import with_channels
from ganctl.data.check.findings import listed, shown
from ganctl.device import is_out_of_memory
from ganctl.errors import DataError, UsageError
from ganctl.images import grids, reading
from ganctl.images.grids import to_uint8
from ganctl.images.profiles import from_srgb
from ganctl.images.reading import MAX_MEGAPIXELS, Picture
from ganctl.images.writing import require_format
from ganctl.inference.model import Model
from ganctl.inference.paths import Excluded, Job, Skipped

# What a disk may say of one name; anything else it would say of the next as well.
_OF_ONE_NAME = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.ELOOP}


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
class AlreadyExists:
    """A translation that was there already and is left alone."""

    path: Path


Result = Translated | AlreadyExists | Skipped | Excluded


@dataclass(frozen=True)
class Summary:
    """How many pictures ended how.

    Attributes:
        total: pictures.
        translated: now.
        existing: that were there already.
        skipped: the others.
        excluded: files and folders that were passed by.
    """

    total: int
    translated: int
    existing: int
    skipped: tuple[Skipped, ...]
    excluded: tuple[Excluded, ...] = ()

    @property
    def sentence(self) -> str:
        """What a person reads in the end."""
        said = f"translated {self.translated} of {self.total}"
        if self.existing:
            said += f", {self.existing} {'was' if self.existing == 1 else 'were'} there already"
        if self.skipped:
            said += f", {len(self.skipped)} skipped: {_listed(self.skipped)}"
        if self.excluded:
            said += f"; left out: {listed([(one.source, one.reason) for one in self.excluded])}"
        return said


def summarize(results: Sequence[Result]) -> Summary:
    """Count results.

    Raises:
        DataError: not one of them can be had.
    """
    counts = {kind: sum(isinstance(result, kind) for result in results) for kind in (Translated, AlreadyExists)}
    skipped = tuple(result for result in results if isinstance(result, Skipped))
    excluded = tuple(result for result in results if isinstance(result, Excluded))
    if not any(counts.values()):
        raise DataError(f"Nothing could be translated: {_listed(skipped)}.")
    return Summary(len(results) - len(excluded), counts[Translated], counts[AlreadyExists], skipped, excluded)


def describe_skipped(results: Iterable[Result]) -> Iterator[str]:
    """A line on each picture that was skipped, and on each file or folder that was left out."""
    for result in results:
        if isinstance(result, Skipped):
            yield f"skipped: {shown(result.source)}: {result.reason}"
        elif isinstance(result, Excluded):
            yield f"left out: {shown(result.source)}: {result.reason}"


def _listed(skipped: Sequence[Skipped]) -> str:
    return listed([(one.source, one.reason) for one in skipped])


def translate(
    model: Model,
    planned: Iterable[Job | Skipped | Excluded],
    to: str | None = None,
    size: int | None = None,
    force: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Iterator[Result]:
    """Translate pictures, each into the file that was planned for it.

    A result is as large as its picture is displayed, and has the picture's transparency and its colour profile; the net
    itself sees sRGB, as in its training.

    Args:
        model: one that translates.
        planned: see `ganctl.inference.paths.plan_jobs`.
        to: the domain to translate to; the second if not given.
        size: resize each picture first, so that its shorter side has so many pixels.
        force: overwrite files that exist.
        max_megapixels: see `images.reading.decode`.

    Yields:
        How each ended, in the same order.

    Raises:
        UsageError: see `Model.translate`.
        OSError: the disk refuses not one file but all.
    """
    for route in planned:
        if not isinstance(route, Job):
            yield route
        elif not force and os.path.isfile(route.output):  # noqa: PTH113 - Path.is_file raises where a name is too long
            yield AlreadyExists(route.output)
        else:
            yield _translated(model, route, to, size, max_megapixels)


def _translated(
    model: Model, route: Job, to: str | None, size: int | None, max_megapixels: float
) -> Translated | Skipped:
    start = time.monotonic()
    try:
        picture = reading.read(route.source, size, max_megapixels)
    except (OSError, MemoryError) as error:
        return Skipped(route.source, str(error) or "it takes more memory than there is")
    height, width, _ = picture.levels.shape
    try:
        require_format(route.output, (width, height))
    except UsageError as error:
        return Skipped(route.source, error.message.rstrip("."))
    try:
        levels = from_srgb(translate_uint8(model, picture.levels, to), picture.profile)
        drawn = Picture(levels, picture.alpha, picture.profile)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return Skipped(route.source, "it takes more memory than there is")
    try:
        grids.save_picture(route.output, drawn)
    except ValueError as error:
        return Skipped(route.source, str(error))
    except OSError as error:
        if error.errno not in _OF_ONE_NAME:
            raise
        return Skipped(route.source, f"{route.output} could not be written: {error.strerror}")
    return Translated(route.source, route.output, time.monotonic() - start)


def translate_uint8(model: Model, levels: NDArray[np.uint8], to: str | None = None) -> NDArray[np.uint8]:
    """One picture [H, W, 3] as the model translates it, [H, W, 3]. A grey model sees its luma, and answers in grey."""
    seen = with_channels(levels[None], model.header["shape"][0])
    drawn = model.translate(to_tensor(seen, torch.device("cpu")), to)
    answer: NDArray[np.uint8] = with_channels(to_uint8(drawn), 3)[0]
    return answer
